// Each example counts visits; its process is killed and another one goes on counting: the session
// lives on. So it does when a store node dies under all of them. An example in the folder that is
// not in the table fails.
import assert from 'node:assert/strict'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { freePort, MemcachedProcess, memcachedInstalled } from '@holdfast/client/testing'
import { type Example, ExampleProcess } from './harness/example-process.ts'
import { figure } from './harness/figures.ts'
import { missing, onStage, projectRoot } from './harness/stage.ts'
import { until } from './harness/until.ts'

const VISITS = 3
const STORED_TIMEOUT_MS = 30_000
const VISIT_PAUSE_MS = 30

const EXAMPLES: ReadonlyMap<string, Example> = new Map([
  [
    'express',
    {
      entry: 'examples/express/server.ts',
      args: (port: number, nodes: string) => ['--port', String(port), '--proxy', nodes],
      ready: /app ready|listening on/,
    },
  ],
  ['express-session-store', { entry: 'examples/express-session-store/server.mjs' }],
  ['fastify', { entry: 'examples/fastify/server.ts' }],
  ['hono', { entry: 'examples/hono/server.ts' }],
  ['koa', { entry: 'examples/koa/server.ts' }],
  ['nestjs', { entry: 'examples/nestjs/server.ts' }],
  // Next.js is not installed here: its route handler is served without it.
  [
    'next',
    {
      entry: 'e2e/harness/serve-route-handler.ts',
      args: () => ['examples/next/app/count/route.ts'],
    },
  ],
  ['node-http', { entry: 'examples/node-http/server.ts' }],
  ['unstorage', { entry: 'examples/unstorage/server.ts' }],
  ['web', { entry: 'examples/web/server.ts' }],
])

const folders = readdirSync(join(projectRoot, 'examples'), { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && entry.name !== 'node_modules')
  .map(({ name }) => name)

test('each example has an entry in the table', () => {
  const without = folders.filter((name) => {
    const example = EXAMPLES.get(name)
    return example === undefined || !existsSync(join(projectRoot, example.entry))
  })
  assert.deepEqual(without, [])
})

const skip = memcachedInstalled ? false : 'not installed: memcached'
for (const [name, example] of EXAMPLES) {
  if (!folders.includes(name)) continue
  test(`examples/${name}: the session lives on when its server is killed`, { skip }, async () => {
    const memcached = await MemcachedProcess.start()
    const running: ExampleProcess[] = []
    const start = async (): Promise<ExampleProcess> => {
      const server = await ExampleProcess.start(example, await freePort(), memcached.address)
      running.push(server)
      return server
    }
    try {
      const [first, stranger] = [await start(), new Map<string, string>()]
      const jar = new Map<string, string>()
      for (let visit = 1; visit <= VISITS; visit++) assert.equal(await first.count(jar), visit)
      assert.equal(await first.count(stranger), 1)
      await until('the visits are stored', STORED_TIMEOUT_MS, async () => {
        return (await setsOf(memcached)) > VISITS
      })
      await first.kill()
      const second = await start()
      assert.equal(await second.count(jar), VISITS + 1)
      assert.equal(await second.count(stranger), 2)
      assert.equal(await second.count(new Map()), 1)
    } finally {
      await Promise.all(running.map((server) => server.kill()))
      await memcached.kill()
    }
  })
}

const NODES = 3
const COPIES_TIMEOUT_MS = 120_000
const VISITS_TIMEOUT_MS = 30_000

test('a store node is killed under all examples', { skip: missing('engine') }, async (t) => {
  await onStage(t, { nodes: NODES }, async ({ store, apps }) => {
    const proxy = await apps.addProxy(store.streamUrls())
    const nodes = `127.0.0.1:${proxy.port}`
    const running: ExampleProcess[] = []
    const start = async (example: Example): Promise<ExampleProcess> => {
      const server = await ExampleProcess.start(example, await freePort(), nodes)
      running.push(server)
      return server
    }
    try {
      const guests: Guest[] = []
      for (const example of EXAMPLES.values()) guests.push(new Guest(example, await start(example)))
      for (const guest of guests) guest.visit()
      await untilMoreVisits(guests)
      await store.kill(1 + Math.floor(Math.random() * NODES))
      await store.untilFullCopies(COPIES_TIMEOUT_MS)
      await untilMoreVisits(guests)
      for (const guest of guests) await guest.leave()
      figure(
        t,
        'visits',
        guests.reduce((sum, { visits }) => sum + visits, 0),
      )
      assert.deepEqual(
        guests.flatMap(({ wrong }) => wrong),
        [],
      )
      for (const { server, example, jar, visits } of guests) {
        await server.kill()
        assert.equal(await (await start(example)).count(jar), visits + 1, example.entry)
      }
    } finally {
      await Promise.all(running.map((server) => server.kill()))
    }
  })
})

/** Counts visits of one visitor at one example, one after another. */
class Guest {
  readonly example: Example
  readonly server: ExampleProcess
  readonly jar: Map<string, string> = new Map()
  readonly wrong: string[] = []
  visits = 0
  #goOn = true
  #visiting: Promise<void> = Promise.resolve()

  constructor(example: Example, server: ExampleProcess) {
    this.example = example
    this.server = server
  }

  visit(): void {
    this.#visiting = this.#stroll()
  }

  /** Resolves when the last visit is answered. */
  async leave(): Promise<void> {
    this.#goOn = false
    await this.#visiting
  }

  async #stroll(): Promise<void> {
    while (this.#goOn) {
      try {
        const count = await this.server.count(this.jar)
        if (count !== this.visits + 1) {
          this.wrong.push(`${this.example.entry}: ${count} after ${this.visits}`)
        }
        this.visits = count
      } catch (error) {
        this.wrong.push(`${this.example.entry}: ${String(error)}`)
      }
      await delay(VISIT_PAUSE_MS)
    }
  }
}

async function untilMoreVisits(guests: readonly Guest[]): Promise<void> {
  const before = guests.map(({ visits, wrong }) => visits + wrong.length)
  await until(`${VISITS} more visits at each example`, VISITS_TIMEOUT_MS, () => {
    return guests.every(({ visits, wrong }, index) => {
      return visits + wrong.length >= (before[index] ?? 0) + VISITS
    })
  })
}

async function setsOf(memcached: MemcachedProcess): Promise<number> {
  const stats = (await memcached.ask(Buffer.from('stats\r\nquit\r\n'))).toString()
  return Number(/STAT cmd_set (\d+)/.exec(stats)?.[1])
}
