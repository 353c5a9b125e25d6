/*
 * express-session's documented options, one by one.
 */
import type { Scenario, Site } from './scenario.ts'

/** A first visit that stores something. */
const visit = (site: Site): Promise<unknown> => site.get('/set?a=1')

/** A first visit, a second that reads, a third that changes. */
async function threeVisits(site: Site): Promise<unknown> {
  const seen = [await site.get('/set?a=1'), await site.get('/read'), await site.get('/set?a=2')]
  return { seen, calls: site.calls() }
}

const SHARED =
  'changes made before are kept in local memory, which all requests of one session share'
const httpOnly = { httpOnly: true }

function cookieScenario(name: string, cookie: unknown, more: Partial<Scenario> = {}): Scenario {
  return { topic: 'cookie', name, options: { cookie }, run: visit, ...more }
}

/** So far away that a whole run of all scenarios does not come near it. */
const inAnHour = (): Date => new Date(Date.now() + 3_600_000)

export const COOKIE_SCENARIOS: readonly Scenario[] = [
  cookieScenario('the default is path / and HttpOnly', undefined),
  cookieScenario('domain', { domain: 'example.org' }),
  cookieScenario(
    'path: the cookie has it, and other paths have no session',
    { path: '/set' },
    {
      routes: (app) => app.get('/other', (req, res) => void res.json({ type: typeof req.session })),
      run: async (site) => [await site.get('/set?a=1'), await site.get('/other')],
    },
  ),
  cookieScenario('httpOnly: false', { httpOnly: false }),
  cookieScenario('maxAge becomes Expires, there is no Max-Age', { maxAge: 60_000 }),
  cookieScenario('maxAge: null is a cookie until the browser closes', { maxAge: null }),
  cookieScenario('expires', { expires: inAnHour() }),
  cookieScenario('of maxAge and expires the last one counts', {
    maxAge: 5000,
    expires: inAnHour(),
  }),
  cookieScenario(
    'maxAge that is neither number nor Date is a TypeError',
    { maxAge: 'soon' },
    {
      differs: {
        store: 'the error goes to `next`; express-session’s request has no answer',
        engine: 'the application does not start',
      },
    },
  ),
  cookieScenario('secure: without TLS there is no cookie, the session is stored all the same', {
    secure: true,
  }),
  cookieScenario('secure: auto without TLS', { secure: 'auto' }),
  cookieScenario('sameSite: auto without TLS is Lax', { sameSite: 'auto' }),
  ...[true, false, 'lax', 'strict', 'none', 'Lax'].map((sameSite) =>
    cookieScenario(`sameSite: ${sameSite}`, { sameSite }),
  ),
  cookieScenario(
    'sameSite that is unknown',
    { sameSite: 'some' },
    {
      differs: {
        store:
          'the response is an error of status 500; express-session sends the response without the cookie, then the error to `next`',
        engine: 'the application does not start',
      },
    },
  ),
  cookieScenario('partitioned', { partitioned: true }),
  ...['low', 'medium', 'high'].map((priority) =>
    cookieScenario(`priority: ${priority}`, { priority }),
  ),
  cookieScenario('all attributes together, in their order', {
    domain: 'example.org',
    path: '/',
    maxAge: 60_000,
    httpOnly: true,
    partitioned: true,
    priority: 'high',
    sameSite: 'lax',
  }),
  cookieScenario(
    'a function is asked for each request',
    (request: { url: string }) => ({
      ...httpOnly,
      path: '/',
      maxAge: request.url.includes('long') ? 60_000 : null,
    }),
    {
      run: async (site) => {
        const first = await site.get('/set?a=1')
        site.jar.clear()
        return [first, await site.get('/set?long=1')]
      },
    },
  ),
  cookieScenario(
    'a cookie with an end is set again when the session changes',
    { maxAge: 60_000 },
    {
      run: threeVisits,
    },
  ),
]

export const OPTION_SCENARIOS: readonly Scenario[] = [
  { topic: 'name', name: 'the default is connect.sid', run: visit },
  { topic: 'name', name: 'any name', options: { name: 'sid' }, run: threeVisits },
  { topic: 'name', name: 'key is an alias', options: { key: 'kid' }, run: visit },
  {
    topic: 'genid',
    name: 'makes the ids, and is given the request',
    options: {
      genid: (request: { url: string }) => `made-for-${request.url.length}`,
      saveUninitialized: true,
    },
    run: async (site) => [await site.get('/none'), site.jar.get('connect.sid')],
  },
  {
    topic: 'genid',
    name: 'something else than a function is a TypeError',
    options: { genid: 'x' },
    run: visit,
  },
  {
    topic: 'secret',
    name: 'an array: the first signs, all verify',
    options: { secret: ['new', 'conformance-secret'] },
    run: async (site) => [await site.get('/set?a=1'), await site.get('/read')],
  },
  {
    topic: 'secret',
    name: 'a Buffer',
    options: { secret: Buffer.from('conformance-secret') },
    run: threeVisits,
    storeOnly: true,
  },
  {
    topic: 'secret',
    name: 'an empty array is a TypeError',
    options: { secret: [] },
    run: visit,
  },
  {
    topic: 'secret',
    name: 'without one there is an error for each request',
    options: { secret: undefined },
    run: visit,
    differs: { engine: 'the application does not start' },
  },
  {
    topic: 'secret',
    name: 'cookie-parser’s req.secret stands in',
    options: { secret: undefined },
    storeOnly: true,
    before: (app) => {
      app.use((req, _res, next) => {
        Reflect.set(req, 'secret', 'given')
        next()
      })
    },
    run: threeVisits,
  },
  ...[true, false].map(
    (resave): Scenario => ({
      topic: 'resave',
      name: `${resave}: what the store is asked`,
      options: { resave },
      run: threeVisits,
      storeOnly: true,
    }),
  ),
  {
    topic: 'resave',
    name: 'true makes no difference to the browser',
    options: { resave: true },
    run: async (site) => [await site.get('/set?a=1'), await site.get('/read')],
  },
  ...[true, false].map(
    (saveUninitialized): Scenario => ({
      topic: 'saveUninitialized',
      name: `${saveUninitialized}: an unused session`,
      options: { saveUninitialized },
      run: async (site) => [await site.get('/none'), await site.get('/none')],
    }),
  ),
  {
    topic: 'saveUninitialized',
    name: 'the default is true',
    options: { saveUninitialized: undefined },
    run: async (site) => site.get('/none'),
    differs: {
      engine: 'the default is false: a visit that stores nothing costs nothing and sets no cookie',
    },
  },
  {
    topic: 'rolling',
    name: 'true: each response sets the cookie',
    options: { rolling: true, cookie: { maxAge: 60_000 } },
    run: async (site) => [
      await site.get('/none'),
      await site.get('/set?a=1'),
      await site.get('/read'),
    ],
  },
  ...['keep', 'destroy'].map(
    (unset): Scenario => ({
      topic: 'unset',
      name: `${unset}: what req.session = null does`,
      options: { unset },
      ...(unset === 'keep' ? { differs: { sticky: SHARED } } : {}),
      routes: (app) => {
        app.get('/unset', (req, res) => {
          req.session.a = 'lost'
          Reflect.set(req, 'session', null)
          res.send('unset')
        })
        app.get('/delete', (req, res) => {
          Reflect.deleteProperty(req, 'session')
          res.send('deleted')
        })
      },
      run: async (site) => [
        await site.get('/set?a=1'),
        await site.get('/unset'),
        await site.get('/read'),
        await site.get('/set?a=1'),
        await site.get('/delete'),
        await site.get('/read'),
      ],
    }),
  ),
  {
    topic: 'unset',
    name: 'anything else is a TypeError',
    options: { unset: 'drop' },
    run: visit,
  },
  ...[true, false, undefined].map(
    (proxy): Scenario => ({
      topic: 'proxy',
      name: `${proxy}: a secure cookie behind a proxy that says https`,
      options: { proxy, cookie: { secure: 'auto', sameSite: 'auto' } },
      run: async (site) => [
        await site.get('/set?a=1', { 'x-forwarded-proto': 'https, http' }),
        await site.get('/set?a=1', { cookie: '', 'x-forwarded-proto': 'http' }),
      ],
    }),
  ),
  {
    topic: 'proxy',
    name: 'undefined: Express’s trust proxy decides',
    options: { cookie: { secure: true } },
    routes: (app) => app.set('trust proxy', 1),
    run: (site) => site.get('/set?a=1', { 'x-forwarded-proto': 'https' }),
  },
]
