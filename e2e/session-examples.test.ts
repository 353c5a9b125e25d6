// Each example counts visits against a real memcached; its process is killed and another one goes
// on counting: the session lives on. An example in the folder that is not in the table fails.
import assert from 'node:assert/strict'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { freePort, MemcachedProcess, memcachedInstalled } from '@holdfast/client/testing'
import { type Example, ExampleProcess } from './harness/example-process.ts'
import { projectRoot } from './harness/stage.ts'
import { until } from './harness/until.ts'

const VISITS = 3
const STORED_TIMEOUT_MS = 5000

const EXAMPLES: ReadonlyMap<string, Example> = new Map([
  [
    'express',
    {
      entry: 'examples/express/server.ts',
      args: (port: number, nodes: string) => ['--port', String(port), '--proxy', nodes],
      ready: /app ready|listening on/,
    },
  ],
  ['express-session-store', { entry: 'examples/express-session-store/server.ts' }],
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

async function setsOf(memcached: MemcachedProcess): Promise<number> {
  const stats = (await memcached.ask(Buffer.from('stats\r\nquit\r\n'))).toString()
  return Number(/STAT cmd_set (\d+)/.exec(stats)?.[1])
}
