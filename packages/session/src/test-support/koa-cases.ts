/*
 * What koa-session does, case by case, as it can be observed from outside. Each case runs against
 * the original and against ours; a case without `differs` must come out equal, one with it must
 * not. docs/reference/koa-session-differences.md is made from this table.
 */
import Koa from 'koa'
import { makeSession } from './koa-sites.ts'
import {
  eventsOf,
  type KoaCase,
  messageOf,
  none,
  type Options,
  recordingKoaStore,
  reports,
  stored,
  usualHandler,
  visits,
  wrong,
} from './koa-visits.ts'

const OPTION_CASES: readonly KoaCase[] = [
  {
    name: '`session(options)` without an app is refused',
    observe: wrong({ maxAge: 1 }, undefined),
  },
  { name: '`session()` is refused', observe: wrong(undefined, null) },
  {
    name: '`session(app)` and `session(app, options)` work as `session(options, app)`',
    observe: async (_make, kind) =>
      [[new Koa()], [new Koa(), {}], [{}, new Koa()]].map((given) =>
        messageOf(() => Reflect.apply(makeSession(kind), undefined, given)),
      ),
  },
  { name: 'the cookie’s defaults', observe: visits(none, '/set/user/ann', '/read') },
  { name: '`key`', observe: visits(() => ({ key: 'sid' }), '/set/user/ann', '/read') },
  {
    name: '`maxAge` in milliseconds',
    observe: visits(() => ({ maxAge: 60_000 }), '/set/user/ann', '/read'),
  },
  {
    name: '`maxAge: "session"`',
    observe: visits(() => ({ maxAge: 'session' }), '/set/user/ann', '/read', '/set/a/1'),
  },
  { name: '`httpOnly: false`', observe: visits(() => ({ httpOnly: false }), '/set/user/ann') },
  { name: '`signed: false`', observe: visits(() => ({ signed: false }), '/set/user/ann', '/read') },
  { name: '`overwrite: false`', observe: visits(() => ({ overwrite: false }), '/set/user/ann') },
  {
    name: '`sameSite`, `path` and `domain`',
    observe: visits(() => ({ sameSite: 'lax', path: '/', domain: 'example.org' }), '/set/user/ann'),
  },
  {
    name: '`secure: true` without TLS is an error',
    observe: visits(() => ({ secure: true }), '/set/a/1'),
  },
  {
    name: '`rolling: true`',
    observe: visits(() => ({ rolling: true }), '/set/a/1', '/read', '/none'),
  },
  {
    name: '`renew: true` with most of the life left',
    observe: visits(() => ({ renew: true }), '/set/a/1', '/read'),
  },
  {
    name: '`renew: true` with less than half of the life left',
    observe: async (make) => {
      const store = recordingKoaStore()
      const site = await make({ renew: true, maxAge: 60_000, store }, usualHandler)
      await site.visit('/set/a/1')
      store.age(40_000)
      return [await site.visit('/read'), store.calls.map(([name]) => name)]
    },
  },
  {
    name: '`encode` and `decode`',
    observe: visits(
      () => ({
        encode: (value: object) => encodeURIComponent(JSON.stringify(value)),
        decode: (text: string) => JSON.parse(decodeURIComponent(text)),
      }),
      '/set/user/ann',
      '/read',
    ),
  },
  {
    name: 'an error of `decode` is the request’s, and the cookie is cleared',
    observe: async (make) => {
      const site = await make(
        {
          decode: () => {
            throw new Error('cannot decode')
          },
        },
        usualHandler,
      )
      await site.visit('/set/user/ann')
      return site.visit('/read')
    },
  },
  {
    name: '`genid` makes the store’s key',
    observe: visits(() => ({ ...stored(), genid: () => 'my-own-id' }), '/set/a/1', '/key'),
  },
  { name: '`prefix`', observe: visits(() => ({ ...stored(), prefix: 'shop-' }), '/set/a/1') },
  {
    name: '`valid` refuses a session',
    observe: visits(
      () => ({ valid: (_ctx: unknown, session: Options) => session.user !== 'ann' }),
      '/set/user/ann',
      '/read',
      '/set/user/bob',
      '/read',
    ),
  },
  {
    name: '`beforeSave` sees the session before it is saved',
    observe: visits(
      () => ({
        beforeSave: (_ctx: unknown, session: Options) => {
          session.seen = true
        },
      }),
      '/set/user/ann',
      '/read',
    ),
  },
  {
    name: '`externalKey` takes the cookie’s place',
    observe: async (make) => {
      let kept: string | undefined
      const externalKey = {
        get: () => kept,
        set: (_ctx: unknown, key: string) => {
          kept = key
        },
      }
      const site = await make({ ...stored(), externalKey }, usualHandler)
      return [await site.visit('/set/user/ann'), typeof kept, await site.visit('/read')]
    },
  },
  {
    name: '`ContextStore` is made for each request',
    observe: async (make) => {
      const store = recordingKoaStore()
      let made = 0
      class ContextStore {
        readonly get = store.get
        readonly set = store.set
        readonly destroy = store.destroy
        constructor() {
          made++
        }
      }
      Object.assign(ContextStore.prototype, store)
      const site = await make({ ContextStore }, usualHandler)
      return [await site.visit('/set/user/ann'), await site.visit('/read'), made]
    },
  },
  {
    name: '`autoCommit: false` leaves it to `manuallyCommit`',
    observe: reports(
      () => ({ autoCommit: false }),
      async ({ session }) => {
        Object.assign(session ?? {}, { by: 'hand' })
        await Reflect.apply(Reflect.get(session ?? {}, 'manuallyCommit'), session, [])
      },
      '/read',
    ),
  },
]

const SESSION_CASES: readonly KoaCase[] = [
  {
    name: 'an untouched new session is not saved',
    observe: visits(stored, '/none', '/new', '/new'),
  },
  {
    name: 'a session in a store: cookie and content',
    observe: visits(stored, '/set/a/1', '/read', '/new'),
  },
  {
    name: '`isNew`, `length`, `populated` and `toJSON`',
    observe: reports(
      none,
      ({ session }) => {
        Object.assign(session ?? {}, { _private: 1, act: () => 1 })
        return [
          session?.isNew,
          session?.length,
          session?.populated,
          JSON.stringify(session),
          Object.keys(session ?? {}).includes('user'),
        ]
      },
      '/read',
    ),
  },
  {
    name: 'a change inside of an attribute is kept',
    observe: async (make) => {
      const site = await make({}, (context) => {
        const list = (context.session?.list ?? []) as number[]
        list.push(list.length)
        Object.assign(context.session ?? {}, { list })
        context.body = list
      })
      return [await site.visit('/'), await site.visit('/'), await site.visit('/')]
    },
  },
  {
    name: '`ctx.session = null` ends the session and the cookie',
    observe: visits(stored, '/set/a/1', '/destroy', '/read', '/new'),
  },
  {
    name: '`ctx.session = object` replaces the content under the same key',
    observe: reports(
      stored,
      (context) => {
        Reflect.set(context, 'session', { fresh: true })
        return context.session?.isNew
      },
      '/read',
    ),
  },
  {
    name: '`ctx.session = "text"` is an error',
    observe: reports(none, (context) => messageOf(() => Reflect.set(context, 'session', 'text'))),
  },
  {
    name: '`maxAge` of one session is kept with it',
    observe: reports(
      stored,
      ({ session }) => {
        const before = session?.maxAge
        Object.assign(session ?? {}, { maxAge: 5_000 })
        return [before, session?.maxAge]
      },
      '/set/b/2',
    ),
  },
  {
    name: '`save()` saves an empty session',
    observe: async (make) => {
      const site = await make(stored(), async (context) => {
        if (context.path === '/save') await context.session?.save()
        usualHandler(context)
      })
      return [await site.visit('/save'), await site.visit('/new')]
    },
  },
  {
    name: '`regenerate()` keeps the content under a fresh key',
    observe: async (make) => {
      const store = recordingKoaStore()
      const site = await make({ store }, async (context) => {
        if (context.path === '/fresh') await context.session?.regenerate()
        usualHandler(context)
      })
      await site.visit('/set/user/ann')
      const before = site.jar.get('koa.sess')
      const answer = await site.visit('/fresh')
      return [
        answer.status,
        site.jar.get('koa.sess') !== before,
        store.records.size,
        await site.visit('/read'),
      ]
    },
  },
  {
    name: '`ctx.sessionOptions` are this request’s',
    observe: reports(
      () => ({ maxAge: 60_000, rolling: false }),
      ({ sessionOptions }) => [sessionOptions.key, sessionOptions.maxAge, sessionOptions.signed],
    ),
  },
  {
    name: 'a request whose handler throws saves its session',
    observe: async (make) => {
      const store = recordingKoaStore()
      const site = await make({ store }, (context) => {
        if (context.path === '/fail') Object.assign(context.session ?? {}, { failed: true })
        return usualHandler(context)
      })
      return [await site.visit('/set/a/1'), await site.visit('/fail'), await site.visit('/read')]
    },
  },
  {
    name: 'an error of the store’s `get` or `set` is answered 500',
    observe: async (make) => {
      const store = recordingKoaStore()
      const site = await make({ store }, usualHandler)
      await site.visit('/set/a/1')
      const works = { ...store }
      store.set = () => Promise.reject(new Error('set failed'))
      const failed = [await site.visit('/set/a/2')]
      Object.assign(store, works, { get: () => Promise.reject(new Error('get failed')) })
      return [...failed, await site.visit('/read')].map(({ status }) => status)
    },
  },
  {
    name: 'what the store is asked: key, life and what about',
    observe: async (make) => {
      const store = recordingKoaStore()
      const site = await make({ store, maxAge: 60_000 }, usualHandler)
      await site.visit('/set/a/1')
      await site.visit('/read')
      await site.visit('/destroy')
      return store.calls.map(([name, , ...rest]) => [name, ...rest])
    },
  },
]

const EVENT_CASES: readonly KoaCase[] = [
  {
    name: '`session:missed`, and the id that nobody knows is not accepted',
    observe: async (make) => {
      const store = recordingKoaStore()
      const site = await make({ store }, usualHandler)
      const seen = eventsOf(site.app)
      await site.visit('/set/a/1')
      store.records.clear()
      const before = site.jar.get('koa.sess')
      const answer = await site.visit('/set/a/2')
      return [seen, answer, site.jar.get('koa.sess') !== before]
    },
  },
  {
    name: '`session:expired`',
    observe: async (make) => {
      const store = recordingKoaStore()
      const site = await make({ store, maxAge: 60_000 }, usualHandler)
      const seen = eventsOf(site.app)
      await site.visit('/set/a/1')
      store.age(61_000)
      return [seen, await site.visit('/read')]
    },
  },
  {
    name: '`session:invalid`',
    observe: async (make) => {
      const site = await make({ valid: () => false }, usualHandler)
      const seen = eventsOf(site.app)
      await site.visit('/set/a/1')
      return [seen, await site.visit('/read')]
    },
  },
]

const DIFFERENT_CASES: readonly KoaCase[] = [
  {
    name: 'a session saved by hand is written once more at the end of the request',
    observe: async (make) => {
      const store = recordingKoaStore()
      const site = await make({ store }, async (context) => {
        Object.assign(context.session ?? {}, { user: 'ann' })
        await context.session?.save()
        context.body = 'ok'
      })
      await site.visit('/')
      return store.calls.map(([name]) => name)
    },
    differs: 'What was saved by hand and not changed since is not written again.',
  },
]

export const KOA_CASES: readonly KoaCase[] = [
  ...OPTION_CASES,
  ...SESSION_CASES,
  ...EVENT_CASES,
  ...DIFFERENT_CASES,
]
