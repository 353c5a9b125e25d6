import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { MemcachedProcess } from '@holdfast/client/testing'
import { SCENARIOS } from '../test-support/express-conformance/differences.ts'
import {
  expressSession,
  makeConnectRedis,
  makeMemorystore,
  type SessionMaker,
} from '../test-support/express-conformance/peers.ts'
import { runScenario, withEndsOf } from '../test-support/express-conformance/scenario.ts'
import { eventually, PATIENT } from '../test-support/test-site.ts'
import { session } from './index.ts'

const ours = session as unknown as SessionMaker

describe('with each its own MemoryStore', () => {
  for (const scenario of SCENARIOS) {
    test(`${scenario.topic}: ${scenario.name}`, async () => {
      const theirs = await runScenario(scenario, {
        session: expressSession,
        store: new expressSession.MemoryStore(),
      })
      const seen = await runScenario(scenario, { session: ours, store: new ours.MemoryStore() })
      compare(seen, theirs, scenario.differs?.store)
    })
  }
})

describe('over the engine', () => {
  let store: MemcachedProcess
  before(async () => {
    store = await MemcachedProcess.start()
  })
  after(() => store.kill())

  for (const sticky of [true, false]) {
    for (const scenario of SCENARIOS) {
      if (scenario.storeOnly) continue
      test(`sticky ${sticky}: ${scenario.topic}: ${scenario.name}`, async () => {
        const theirs = await runScenario(scenario, {
          session: expressSession,
          store: new expressSession.MemoryStore(),
        })
        const engine = {
          memcachedNodes: store.address,
          sticky,
          sessionBackupAsync: false,
          ...PATIENT,
        }
        const seen = await runScenario(scenario, { session: ours, store: undefined, engine })
        const { differs } = scenario
        const difference = differs?.engine ?? (sticky ? differs?.sticky : undefined)
        compare(withoutCalls(seen), withoutCalls(theirs), difference)
      })
    }
  }
})

describe('over stores made for express-session', () => {
  let redis: RedisServer
  before(async () => {
    redis = await startRedis()
  })
  after(() => redis.stop())

  for (const scenario of SCENARIOS) {
    test(`memorystore: ${scenario.topic}: ${scenario.name}`, async () => {
      const run = (maker: SessionMaker): Promise<unknown> =>
        runScenario(scenario, { session: maker, store: makeMemorystore() })
      compare(await run(ours), await run(expressSession), scenario.differs?.store)
    })
  }

  for (const scenario of SCENARIOS) {
    test(`connect-redis: ${scenario.topic}: ${scenario.name}`, async () => {
      const run = async (maker: SessionMaker): Promise<unknown> => {
        const { store, close } = await makeConnectRedis(redis.port)
        try {
          return await runScenario(scenario, { session: maker, store })
        } finally {
          await close()
        }
      }
      compare(await run(ours), await run(expressSession), scenario.differs?.store)
    })
  }
})

function compare(ours: unknown, theirs: unknown, difference: string | undefined): void {
  const seen = withEndsOf(theirs, ours)
  if (difference === undefined) assert.deepEqual(seen, theirs)
  else assert.notDeepEqual(seen, theirs, `is equal, but said to differ: ${difference}`)
}

/** The engine has no express-session store whose calls could be listed. */
function withoutCalls(seen: unknown): unknown {
  if (Array.isArray(seen)) {
    const isCalls = (one: unknown): boolean =>
      Array.isArray(one) && one.every((call) => typeof call === 'string')
    return seen.filter((one) => !isCalls(one)).map(withoutCalls)
  }
  if (typeof seen !== 'object' || seen === null || !('calls' in seen)) return seen
  const { calls: _calls, ...rest } = seen
  return rest
}

interface RedisServer {
  port: number
  stop(): Promise<void>
}

async function startRedis(): Promise<RedisServer> {
  const directory = await mkdtemp(join(tmpdir(), 'conformance-'))
  const port = await freePort()
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', directory]
  const child = spawn('redis-server', args, { stdio: ['ignore', 'pipe', 'inherit'] })
  let log = ''
  child.stdout.on('data', (text) => {
    log += text
  })
  await eventually(() => log.includes('Ready to accept connections'))
  return {
    port,
    stop: async () => {
      child.kill()
      await once(child, 'exit')
      await rm(directory, { recursive: true })
    },
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
