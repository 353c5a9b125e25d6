/*
 * What @fastify/session does, case by case, as it can be observed from outside. Each case runs
 * against the original and against ours; a case without `differs` must come out equal, one with
 * it must not. docs/reference/fastify-session-differences.md is made from this table.
 */
import { COOKIE_CASES, OPTION_CASES } from './fastify-option-cases.ts'
import { SESSION_CASES } from './fastify-session-cases.ts'
import { type MakeSite, SECRET } from './fastify-sites.ts'
import {
  type Data,
  type FastifyCase,
  messageOf,
  NOT_STORED,
  recordingStore,
  sessionOf,
  usualRoutes,
} from './fastify-visits.ts'

const STORE_CASES: readonly FastifyCase[] = [
  {
    name: 'an error of the store’s `get` is answered 500',
    observe: async (make) => withFailingStore(make, 'get', new Error('get failed')),
  },
  {
    name: 'an error `ENOENT` of the store’s `get` is a miss',
    observe: async (make) =>
      withFailingStore(make, 'get', Object.assign(new Error('no file'), { code: 'ENOENT' })),
  },
  {
    name: 'an error of the store’s `set` is answered 500',
    observe: async (make) => withFailingStore(make, 'set', new Error('set failed')),
  },
  {
    name: 'a changed session is one `get` and one `set`',
    observe: (make) => callsOf(make, '/set/a/2'),
  },
  {
    name: 'an unchanged session with `rolling` costs a whole write',
    observe: (make) => callsOf(make, '/read'),
    differs:
      'Where the store has `touch`, an unchanged session is touched, so a read-only request never overwrites or revives what another one did. With `memcachedNodes` the load itself renews.',
  },
  {
    name: 'an expired session is destroyed and replaced',
    observe: async (make) => {
      const store = recordingStore()
      const site = await make({ store }, usualRoutes)
      await site.visit('/set/user/ann')
      for (const [id, text] of store.texts) {
        const record: { cookie: Data } = JSON.parse(text)
        record.cookie.expires = new Date(1000)
        store.texts.set(id, JSON.stringify(record))
      }
      return [await site.visit('/read'), store.calls.map(([name]) => name)[2]]
    },
  },
]

const DIFFERENT_CASES: readonly FastifyCase[] = [
  {
    name: 'a cookie signed by an older secret is cleared when there is nothing to store',
    observe: async (make) => {
      const secrets = [SECRET]
      const site = await make({ ...NOT_STORED, secret: secrets }, usualRoutes)
      await site.visit('/set/user/ann')
      secrets.unshift('b'.repeat(32))
      return [await site.visit('/read'), await site.visit('/read')]
    },
    differs:
      'The first secret of the array signs, also when the array is changed at run time (the original goes on signing with the one it began with), and a cookie that an older secret signed is set anew with the session kept.',
  },
  {
    name: 'options that do not exist are ignored',
    observe: (make) => messageOf(() => make({ saveUninitialised: false })),
    differs:
      'An unknown option is an error when the plugin is registered: a typing error must not switch something off silently.',
  },
  {
    name: 'parallel requests overwrite each other’s attributes',
    observe: async (make) => {
      const site = await make({}, (app) => {
        usualRoutes(app)
        app.get('/slow/:name', async (request) => {
          const { name } = request.params as { name: string }
          const session = sessionOf(request)
          await new Promise(setImmediate)
          session[name] = true
        })
      })
      await site.visit('/set/user/ann')
      await Promise.all(['a', 'b', 'c', 'd', 'e'].map((name) => site.visit(`/slow/${name}`)))
      return Object.keys(Object((await site.visit('/read')).body)).length
    },
    differs:
      'Saving merges per attribute, so none of them is lost. (With a `store` of your own there is no version to compare, and it is as in the original.)',
  },
  {
    name: 'a session that was logged out is back after a slower request',
    observe: async (make) => {
      let release = (): void => undefined
      const site = await make({}, (app) => {
        usualRoutes(app)
        app.get('/slow', async (request) => {
          sessionOf(request).late = true
          await new Promise<void>((resolve) => {
            release = resolve
          })
        })
      })
      await site.visit('/set/user/ann')
      const cookie = `sessionId=${encodeURIComponent(site.jar.get('sessionId') ?? '')}`
      const slow = site.visit('/slow')
      await new Promise(setImmediate)
      await site.visit('/destroy')
      release()
      await slow
      return (await site.visit('/read', { cookie })).body
    },
    differs: 'A destroyed session stays destroyed, whatever is still on its way.',
  },
  {
    name: '`reply.hijack()`: nothing is stored and no cookie is set',
    observe: async (make) => {
      const site = await make({ rolling: false }, (app) => {
        usualRoutes(app)
        app.get('/', (request, reply) => {
          reply.hijack()
          sessionOf(request).hijacked = true
          reply.raw.end('raw')
        })
      })
      return [await site.visit('/'), await site.visit('/read')]
    },
    differs:
      'The response at `reply.raw` is held like any other: the session is stored and the cookie set before its first byte leaves. For an upgraded connection call `save()` yourself.',
  },
  {
    name: 'what is changed while a stream is sent is lost',
    observe: async (make) => {
      const site = await make({ rolling: false, store: recordingStore() }, (app) => {
        usualRoutes(app)
        app.get('/', async (request, reply) => {
          const { Readable } = await import('node:stream')
          const session = sessionOf(request)
          session.before = true
          const body = Readable.from(
            (async function* () {
              yield 'one'
              await new Promise(setImmediate)
              session.during = true
              yield 'two'
            })(),
          )
          return reply.type('text/plain').send(body)
        })
      })
      return [await site.visit('/'), await site.visit('/read')]
    },
    differs:
      'The end of a streamed response waits until what was changed during the stream is stored.',
  },
]

export const FASTIFY_CASES: readonly FastifyCase[] = [
  ...OPTION_CASES,
  ...COOKIE_CASES,
  ...SESSION_CASES,
  ...STORE_CASES,
  ...DIFFERENT_CASES,
]

async function callsOf(make: MakeSite, url: string): Promise<string[]> {
  const store = recordingStore()
  const site = await make({ store }, usualRoutes)
  await site.visit('/set/a/1')
  store.calls.length = 0
  await site.visit(url)
  return store.calls.map(([name]) => name)
}

async function withFailingStore(
  make: MakeSite,
  method: 'get' | 'set',
  error: Error,
): Promise<unknown> {
  const store = recordingStore()
  const site = await make({ store }, usualRoutes)
  await site.visit('/set/a/1')
  const fail = (...args: unknown[]): void => {
    const callback = args.at(-1)
    if (typeof callback === 'function') callback(error)
  }
  Object.assign(store, { [method]: fail })
  return [await site.visit(method === 'set' ? '/set/b/2' : '/read'), store.texts.size]
}
