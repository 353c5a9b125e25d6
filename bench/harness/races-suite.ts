// The suite `races`: what is left of a session when its requests overtake each other. No load and
// no clock: each scene is played several times, and what is there afterwards is counted.
import { setTimeout as delay } from 'node:timers/promises'
import { startSlowLink } from '../../packages/session/src/test-support/slow-link.ts'
import { SERVER_KINDS, type ServerKind, serverKind } from '../sessions/kinds.ts'
import { markdownTable } from './markdown.ts'
import { startWebServer } from './session-servers.ts'
import { startStores, storeAddress } from './session-stores.ts'
import type { SuiteReport, SuiteSurroundings } from './suite.ts'

const WRITERS = 20
const WRITER_ROUNDS = 10
const INCREMENTS = 50
const INCREMENT_ROUNDS = 5
const SLOW_ROUNDS = 10
const SLOW_MS = 120
const REDIRECTS = 20
const STORE_DELAY_MS = 100

interface Race {
  readonly title: string
  readonly of: number
  /** Bad when it happens, instead of bad when it does not. */
  readonly isHarm?: boolean
  play(visitor: () => Promise<Visitor>): Promise<number>
}

const RACES: readonly Race[] = [
  {
    title: '20 writers of different attributes: kept',
    of: WRITERS * WRITER_ROUNDS,
    play: (visitor) => times(WRITER_ROUNDS, visitor, playWriters),
  },
  {
    title: '50 increments, count = count + 1: kept',
    of: INCREMENTS * INCREMENT_ROUNDS,
    play: (visitor) => times(INCREMENT_ROUNDS, visitor, (one) => playIncrements(one, '/add')),
  },
  {
    title: '50 increments, atomic update: kept',
    of: INCREMENTS * INCREMENT_ROUNDS,
    play: (visitor) =>
      times(INCREMENT_ROUNDS, visitor, (one) => playIncrements(one, '/add-atomically')),
  },
  {
    title: 'a write survives a slow reader',
    of: SLOW_ROUNDS,
    play: (visitor) => times(SLOW_ROUNDS, visitor, playSlowReader),
  },
  {
    title: 'an ended session is back after a slow writer',
    of: SLOW_ROUNDS,
    isHarm: true,
    play: (visitor) =>
      times(SLOW_ROUNDS, visitor, (one) => playEnd(one, `/put?name=a&ms=${SLOW_MS}`)),
  },
  {
    title: 'an ended session is back after a slow reader',
    of: SLOW_ROUNDS,
    isHarm: true,
    play: (visitor) => times(SLOW_ROUNDS, visitor, (one) => playEnd(one, `/look?ms=${SLOW_MS}`)),
  },
]

const REDIRECT_TITLE = `the next request sees the data, store takes ${STORE_DELAY_MS} ms`

export async function runRaces({ stage, options, say }: SuiteSurroundings): Promise<SuiteReport> {
  for (const name of options.candidates ?? []) serverKind(name)
  const kinds = SERVER_KINDS.filter(
    ({ name, store }) =>
      store !== 'none' && store !== 'proxy' && (options.candidates?.includes(name) ?? true),
  )
  const stores = await startStores(stage)
  const rows: string[][] = []
  const raw: Record<string, readonly number[]> = {}
  let sound = true
  for (const kind of kinds) {
    const server = await startWebServer(stage, stores, kind)
    const counts: number[] = []
    try {
      for (const race of RACES) counts.push(await race.play(() => Visitor.begin(server.url)))
    } finally {
      await server.stop()
    }
    const redirects = await playRedirects(kind, storeAddress(stores, kind))
    say(`${kind.name}: ${[...counts, redirects ?? '—'].join(' ')}`)
    raw[kind.name] = redirects === undefined ? counts : [...counts, redirects]
    rows.push([
      kind.name,
      kind.about,
      ...RACES.map(({ of }, index) => `${counts[index]} of ${of}`),
      redirects === undefined ? '—' : `${redirects} of ${REDIRECTS}`,
    ])
    if (kind.name.includes('holdfast')) sound &&= keepsItsPromise(counts, redirects)
  }
  const head = ['server', 'layer', ...RACES.map(({ title }) => title), REDIRECT_TITLE]
  return { markdown: ['## Races', '', ...markdownTable(head, rows), ''], raw, sound }

  async function playRedirects(kind: ServerKind, address: string): Promise<number | undefined> {
    if (address === '') return undefined
    const link = await startSlowLink(Number(address.split(':')[1]), STORE_DELAY_MS)
    const server = await startWebServer(stage, stores, kind, link.address)
    try {
      let seen = 0
      for (let round = 0; round < REDIRECTS; round++) {
        const visitor = await Visitor.begin(server.url)
        await visitor.get('/put?name=a&ms=0')
        seen += Number('a' in (await visitor.attributes()))
      }
      return seen
    } finally {
      await server.stop()
      await link.close()
    }
  }
}

/** Everything but plain increments, of which the last writer wins by design. */
function keepsItsPromise(counts: readonly number[], redirects: number | undefined): boolean {
  const kept = RACES.every((race, index) => {
    if (race.title.includes('count + 1')) return true
    return counts[index] === (race.isHarm === true ? 0 : race.of)
  })
  return kept && (redirects === undefined || redirects === REDIRECTS)
}

async function times(
  rounds: number,
  visitor: () => Promise<Visitor>,
  play: (visitor: Visitor) => Promise<number>,
): Promise<number> {
  let sum = 0
  for (let round = 0; round < rounds; round++) sum += await play(await visitor())
  return sum
}

async function playWriters(visitor: Visitor): Promise<number> {
  const names = Array.from({ length: WRITERS }, (_, index) => `k${index}`)
  await Promise.all(names.map((name) => visitor.get(`/put?name=${name}&ms=10`)))
  const attributes = await visitor.attributes()
  return names.filter((name) => name in attributes).length
}

async function playIncrements(visitor: Visitor, path: string): Promise<number> {
  await Promise.all(Array.from({ length: INCREMENTS }, () => visitor.get(path)))
  return Number((await visitor.attributes()).n)
}

async function playSlowReader(visitor: Visitor): Promise<number> {
  const slow = visitor.get(`/look?ms=${SLOW_MS}`)
  await delay(SLOW_MS / 3)
  await visitor.get('/put?name=a&ms=0')
  await slow
  return Number('a' in (await visitor.attributes()))
}

async function playEnd(visitor: Visitor, slowPath: string): Promise<number> {
  const { cookie } = visitor
  const slow = visitor.get(slowPath)
  await delay(SLOW_MS / 3)
  await visitor.get('/end')
  await slow
  visitor.cookie = cookie
  return Number('n' in (await visitor.attributes()))
}

/** One session over HTTP. */
class Visitor {
  cookie = ''
  readonly #url: string

  private constructor(url: string) {
    this.#url = url
  }

  static async begin(url: string): Promise<Visitor> {
    const visitor = new Visitor(url)
    await visitor.get('/begin')
    return visitor
  }

  async get(path: string): Promise<Record<string, unknown>> {
    const { cookie } = this
    const response = await fetch(this.#url + path, { headers: cookie === '' ? {} : { cookie } })
    // What a refused request leaves behind is seen by what is read afterwards.
    const text = await response.text()
    const set = response.headers.getSetCookie().map((line) => line.split(';', 1)[0] ?? '')
    if (set.length > 0 && response.ok) this.cookie = set.join('; ')
    return response.ok ? (JSON.parse(text) as Record<string, unknown>) : {}
  }

  async attributes(): Promise<Record<string, unknown>> {
    const { attributes } = await this.get('/all')
    return (attributes ?? {}) as Record<string, unknown>
  }
}
