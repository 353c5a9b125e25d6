// docs/reference/koa-session-differences.md.
import { differencesPage } from './differences-page.ts'
import { KOA_CASES } from './koa-cases.ts'

export const koaPageUrl: URL = new URL(
  '../../../../docs/reference/koa-session-differences.md',
  import.meta.url,
)

export function koaPage(): string {
  return differencesPage({
    original: 'koa-session',
    version: '7.0.2',
    binding: '@holdfast/session/koa',
    cases: KOA_CASES,
    further: [
      'Without `store` and without `memcachedNodes` the cookie holds the session, as in koa-session. Everything below is about `memcachedNodes`.',
      'The life of a session is `maxInactiveInterval` (by default `maxAge`, and 1800 s with `maxAge: "session"`) since its last use; the load renews it. koa-session’s store gets a fixed end with each write.',
      'Parallel requests lose nothing: saving merges per attribute. A session that was destroyed stays so.',
      'A session that has ended in the store is `session:missed`; `session:expired` is emitted only with `renew`, which keeps the end of the cookie with the session.',
      'An id of `genid` or `prefix` may hold letters, digits, `_`, `-` and `~`. `_expire` is not among the session’s own properties.',
      'With the store away a request is answered 503 with `Retry-After`, after `storeWait` at most; by `loadFailure: "degrade"` it goes on with an empty session whose `degraded` is true.',
      'The session has two members more: `update(change)`, an atomic change, and `degraded`. `hostPrefix: true` names the cookie `__Host-…`.',
      '`sessionOptions` holds koa-session’s options only.',
      'What is changed while a stream is sent is stored before the response ends. With `ctx.respond = false` call `await ctx.session.save()` before you write.',
    ],
  })
}
