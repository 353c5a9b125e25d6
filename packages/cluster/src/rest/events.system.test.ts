/** Streams of events of two real nodes: what is told, to whom, and how a stream ends. */
import assert from 'node:assert/strict'
import { after, afterEach, before, test } from 'node:test'
import { LocalCluster } from '../test-support/local-cluster.ts'
import { PATHS_MAX, STREAMS_MAX } from './event-streams.ts'

const CONSOLE = { 'ns-server-ui': 'yes' }
const ADMIN = { authorization: `Basic ${btoa('Administrator:password')}` }
const READER = { authorization: `Basic ${btoa('reader:password2')}` }

// biome-ignore lint/suspicious/noExplicitAny: the answers are checked member by member
type Told = { path: string; status: number; body: any }

let cluster: LocalCluster
const open: Stream[] = []

before(async () => {
  cluster = await LocalCluster.start(2)
  await cluster.post('/settings/readOnlyUser', { username: 'reader', password: 'password2' })
})

afterEach(() => {
  for (const stream of open.splice(0)) stream.close()
})

after(() => cluster?.stop())

/** A stream as a page reads it. */
class Stream {
  readonly answer: Response
  readonly told: Told[] = []
  readonly ids: number[] = []
  comments = 0
  expired = false
  ended = false
  readonly #aborting: AbortController

  constructor(answer: Response, aborting: AbortController) {
    this.answer = answer
    this.#aborting = aborting
    void this.#read()
  }

  close(): void {
    this.#aborting.abort()
  }

  last(path: string): Told | undefined {
    return this.told.findLast((one) => one.path === path)
  }

  async #read(): Promise<void> {
    let text = ''
    try {
      for await (const chunk of this.answer.body ?? []) {
        text += Buffer.from(chunk).toString()
        const blocks = text.split('\n\n')
        text = blocks.pop() ?? ''
        for (const block of blocks) this.#take(block)
      }
    } catch {
      // closed by the test
    }
    this.ended = true
  }

  #take(block: string): void {
    if (block === ':') this.comments++
    if (block.startsWith('event: expired')) this.expired = true
    const match = /^event: watch\nid: (\d+)\ndata: (.*)$/.exec(block)
    if (!match) return
    this.ids.push(Number(match[1]))
    this.told.push(JSON.parse(match[2] ?? ''))
  }
}

function baseOf(via: number): string {
  const { host, restPort } = cluster.node(via).selfMember
  return `http://${host}:${restPort}`
}

async function watch(
  paths: readonly string[],
  headers: Record<string, string> = ADMIN,
  via = 1,
): Promise<Stream> {
  const query = new URLSearchParams(paths.map((path) => ['watch', path]))
  const aborting = new AbortController()
  const url = `${baseOf(via)}/events?${query}`
  const answer = await fetch(url, { headers, signal: aborting.signal })
  const stream = new Stream(answer, aborting)
  open.push(stream)
  return stream
}

/** Headers of a browser that has logged in. */
async function browser(user: string, password: string): Promise<Record<string, string>> {
  const body = new URLSearchParams({ user, password })
  const answer = await fetch(`${baseOf(1)}/uilogin`, { method: 'POST', body, headers: CONSOLE })
  assert.equal(answer.status, 200)
  const [cookie = ''] = answer.headers.getSetCookie()[0]?.split(';') ?? []
  return { ...CONSOLE, cookie }
}

test('every path is told at once as it answers, and again when it is another', async () => {
  const paths = ['/settings/stats', '/pools/default/buckets', '/nodeStatuses']
  for (const via of [1, 2]) {
    const stream = await watch(paths, ADMIN, via)
    assert.equal(stream.answer.headers.get('content-type'), 'text/event-stream')
    await cluster.until('all are told', () => paths.every((path) => stream.last(path)))
    for (const path of paths) {
      const direct = await fetch(`${baseOf(via)}${path}`, { headers: ADMIN })
      assert.deepEqual(stream.last(path), { path, status: 200, body: await direct.json() })
    }
    const sendStats = stream.last('/settings/stats')?.body.sendStats !== true
    await cluster.post('/settings/stats', { sendStats: String(sendStats) })
    await cluster.until('the change is told', () => {
      return stream.last('/settings/stats')?.body.sendStats === sendStats
    })
    assert.deepEqual(
      stream.ids,
      stream.told.map((_, index) => index + 1),
    )
  }
})

test('a stream on which nothing happens shows that the node is there', async () => {
  const stream = await watch(['/settings/web'])
  await cluster.until('signs of life', () => stream.comments >= 2)
  assert.equal(stream.told.length, 1)
})

test('what cannot be watched is told as an answer too', async () => {
  const paths = ['/nothing', '/metrics', '/events?watch=/pools', '/internal/hello', '/ui/']
  const stream = await watch([...paths, '/pools/default/bs/none'])
  const all = [...paths, '/pools/default/bs/none']
  await cluster.until('all are told', () => all.every((path) => stream.last(path)))
  const statuses = Object.fromEntries(all.map((path) => [path, stream.last(path)?.status]))
  assert.deepEqual(statuses, {
    '/nothing': 404,
    '/metrics': 406,
    '/events?watch=/pools': 406,
    '/internal/hello': 406,
    '/ui/': 404,
    '/pools/default/bs/none': 406,
  })
})

test('the read-only user watches what it may read, others nothing', async () => {
  const secret = '/pools/default/saslBucketsStreaming'
  const stream = await watch(['/settings/web', '/pools', secret], READER)
  await cluster.until('all are told', () => stream.told.length === 3)
  assert.equal(stream.last('/settings/web')?.status, 200)
  assert.equal(stream.last('/pools')?.body.isROAdminCreds, true)
  assert.equal(stream.last('/pools')?.body.isAdminCreds, false)
  assert.notEqual(stream.last(secret)?.status, 200)
  assert.equal((await watch(['/settings/web'], {})).answer.status, 401)
  const { cookie = '' } = await browser('Administrator', 'password')
  assert.equal((await watch(['/settings/web'], { cookie })).answer.status, 401, 'without header')
})

test('a stream ends with its login: logged out here, or its password changed anywhere', async () => {
  const admin = await browser('Administrator', 'password')
  const [byCookie, other] = await Promise.all([watch(['/pools'], admin), watch(['/pools'], ADMIN)])
  await cluster.until('it runs', () => byCookie.told.length > 0)
  await fetch(`${baseOf(1)}/uilogout`, { method: 'POST', headers: admin })
  await cluster.until('it has ended', () => byCookie.expired && byCookie.ended)
  assert.equal(other.ended, false)
  const readers = await Promise.all([1, 2].map((via) => watch(['/pools'], READER, via)))
  await cluster.until('they run', () => readers.every(({ told }) => told.length > 0))
  await cluster.post('/settings/readOnlyUser', { username: 'reader', password: 'password3' })
  await cluster.until('they have ended', () => readers.every((one) => one.expired && one.ended))
})

test('the number of paths and of streams is bounded, and a place is free again after its end', async () => {
  const many = Array.from({ length: PATHS_MAX + 1 }, (_, n) => `/nodes/${n}`)
  assert.equal((await watch(many)).answer.status, 400)
  assert.equal((await watch([])).answer.status, 400)
  assert.equal((await watch(['pools'])).answer.status, 400)
  assert.equal((await watch(['//elsewhere/pools'])).answer.status, 400)
  const full = async (): Promise<boolean> => {
    const next = await watch(['/pools'])
    return next.answer.status === 503
  }
  for (let n = 0; n < STREAMS_MAX && !(await full()); n++);
  assert.equal(await full(), true)
  const refused = open.at(-1)?.answer
  assert.equal(refused?.status, 503)
  for (const stream of open.splice(0)) stream.close()
  await cluster.until('places are free', async () => !(await full()))
})
