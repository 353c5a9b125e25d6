/*
 * Conformance cases: the options of the plugin and the cookie. See `fastify-cases.ts`.
 */
import type { FastifyRequest } from 'fastify'
import { SECRET } from './fastify-sites.ts'
import {
  type FastifyCase,
  HTTPS,
  messageOf,
  NOT_STORED,
  usualRoutes,
  visits,
} from './fastify-visits.ts'

export const OPTION_CASES: readonly FastifyCase[] = [
  {
    name: 'a secret shorter than 32 characters is refused',
    observe: (make) => messageOf(() => make({ secret: 'short' })),
  },
  {
    name: 'an empty array of secrets is refused',
    observe: (make) => messageOf(() => make({ secret: [] })),
  },
  {
    name: 'a missing secret is refused',
    observe: (make) => messageOf(() => make({ secret: undefined })),
  },
  {
    name: '`algorithm` signs the cookie',
    observe: visits({ algorithm: 'sha512' }, '/read', '/read'),
  },
  {
    name: 'a signer of the application’s own signs and verifies',
    observe: visits(
      {
        secret: {
          sign: (value: string) => `${value}~mine`,
          unsign: (input: string) => ({
            valid: input.endsWith('~mine'),
            renew: false,
            value: input.slice(0, -5),
          }),
        },
      },
      '/set/user/ann',
      '/read',
    ),
  },
  {
    name: 'the cookie’s defaults',
    observe: visits({ cookie: { secure: false } }, '/set/user/ann', '/read'),
  },
  { name: '`cookieName`', observe: visits({ cookieName: 'sid' }, '/set/user/ann', '/read') },
  { name: '`cookiePrefix`', observe: visits({ cookiePrefix: 's:' }, '/set/user/ann', '/read') },
  {
    name: 'all attributes of the cookie',
    observe: visits(
      {
        cookie: {
          secure: false,
          path: '/',
          domain: 'example.org',
          httpOnly: false,
          sameSite: 'strict',
          maxAge: 60_000,
          partitioned: true,
        },
      },
      '/read',
    ),
  },
  {
    name: '`cookie.expires` as a date',
    observe: visits(
      { cookie: { secure: false, expires: new Date('2099-01-01') } },
      '/read',
      '/read',
    ),
  },
  {
    name: '`cookie.secure` is true by default: no cookie and nothing stored without TLS',
    observe: visits({ cookie: {} }, '/set/user/ann', '/read'),
  },
  {
    name: '`cookie.secure` over TLS, as a trusted proxy says',
    observe: async (make) => {
      const site = await make({ cookie: {} }, usualRoutes)
      return [await site.visit('/set/user/ann', HTTPS), await site.visit('/read', HTTPS)]
    },
  },
  {
    name: '`cookie.secure: "auto"` without TLS is not secure and lax',
    observe: visits({ cookie: { secure: 'auto' } }, '/read'),
  },
  {
    name: '`cookie.secure: "auto"` over TLS is secure',
    observe: async (make) =>
      (await make({ cookie: { secure: 'auto' } }, usualRoutes)).visit('/read', HTTPS),
  },
  {
    name: 'outside of `cookie.path` the session is an empty object and there is no cookie',
    observe: visits({ cookie: { secure: false, path: '/set' } }, '/read', '/set/a/1', '/settle'),
  },
  {
    name: '`saveUninitialized` is true by default: an untouched session is stored and set',
    observe: visits({}, '/none', '/id', '/id'),
  },
  {
    name: '`saveUninitialized: false`: an untouched session is not',
    observe: visits({ saveUninitialized: false }, '/none', '/read', '/set/a/1', '/read'),
  },
  {
    name: '`rolling` is true by default: every response sets the cookie',
    observe: visits({}, '/set/a/1', '/none', '/read'),
  },
  {
    name: '`rolling: false`: only a changed session sets the cookie',
    observe: visits({ rolling: false }, '/set/a/1', '/read', '/none', '/set/a/2', '/read'),
  },
  {
    name: '`idGenerator` gets the request and makes the id',
    observe: async (make) => {
      const site = await make(
        {
          idGenerator: (request: FastifyRequest | undefined) =>
            `${request?.raw?.method ?? 'none'}${'x'.repeat(29)}`,
        },
        usualRoutes,
      )
      return [await site.visit('/id'), [...site.jar.keys()]]
    },
  },
  {
    name: 'in an array all secrets verify',
    observe: async (make) => {
      const old = await make({ secret: [SECRET] }, usualRoutes)
      await old.visit('/id')
      const site = await make({ secret: ['b'.repeat(32), SECRET], store: undefined }, (app) => {
        app.get('/', async (request) => {
          const cookie = old.jar.get('sessionId') ?? ''
          const target: { session?: unknown } = {}
          await new Promise((resolve) => app.decryptSession(cookie, target, resolve))
          return { isSession: typeof target.session, id: typeof request.session.sessionId }
        })
      })
      return site.visit('/')
    },
  },
]

export const COOKIE_CASES: readonly FastifyCase[] = [
  {
    name: 'a cookie with a bad signature gets a fresh session',
    observe: async (make) => {
      const site = await make({}, usualRoutes)
      site.jar.set('sessionId', `${'x'.repeat(32)}.${'y'.repeat(43)}`)
      return site.visit('/read')
    },
  },
  {
    name: 'an id that nobody knows is not accepted',
    observe: async (make) => {
      const site = await make({}, usualRoutes)
      await site.visit('/set/user/ann')
      const cookie = site.jar.get('sessionId') ?? ''
      await site.visit('/destroy')
      site.jar.set('sessionId', cookie)
      return [await site.visit('/id'), await site.visit('/read')]
    },
  },
  {
    name: 'a cookie that nobody knows is cleared when there is nothing to store',
    observe: async (make) => {
      const site = await make(NOT_STORED, usualRoutes)
      site.jar.set('sessionId', `${'x'.repeat(32)}.${'y'.repeat(43)}`)
      return [await site.visit('/none'), await site.visit('/none')]
    },
  },
  {
    name: 'cookies that the application sets are kept',
    observe: async (make) => {
      const site = await make({}, (app) => {
        app.get('/', async (_request, reply) => {
          reply.header('set-cookie', 'theme=dark')
          return 'ok'
        })
      })
      return site.visit('/')
    },
  },
]
