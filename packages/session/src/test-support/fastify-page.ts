// docs/reference/fastify-session-differences.md.
import { differencesPage } from './differences-page.ts'
import { FASTIFY_CASES } from './fastify-cases.ts'

export const fastifyPageUrl: URL = new URL(
  '../../../../docs/reference/fastify-session-differences.md',
  import.meta.url,
)

export function fastifyPage(): string {
  return differencesPage({
    original: '@fastify/session',
    version: '11.1.3',
    binding: '@holdfast/session/fastify',
    cases: FASTIFY_CASES,
    further: [
      '@fastify/cookie is not needed. With it registered, before or after, its cookies and the session’s are both set.',
      'Without `memcachedNodes` and without `store` sessions live in the memory of the process, with their time to live and their limit; the original’s default store keeps them for ever. A warning says so.',
      'Among several cookies of the session’s name the first that verifies is taken; the original takes the first.',
      'A store that does not answer is waited for `operationTimeout` at most, then the request is answered 503 with `Retry-After`.',
      'With `memcachedNodes` a session’s life is `maxInactiveInterval` (by default `cookie.maxAge`) since its last use, also with `rolling: false`.',
      'With `memcachedNodes` what `session.options()` sets is kept with the session only as far as `maxAge` goes; other attributes hold for this response.',
      'With `memcachedNodes` an id of `idGenerator` may hold letters, digits, `_`, `-` and `~`.',
      'With `memcachedNodes` `reload()` of a session that is gone is rejected with `failed to load session`; the original makes it an empty one. The session object stays the same one, where the original puts another in its place.',
      'With `memcachedNodes` `sessionStore.set` of an id that nobody knows is an error.',
      'The session has two members more: `update(change)`, an atomic change, and `degraded`. `hostPrefix: true` names the cookie `__Host-…`.',
      '`MemoryStore` keeps JSON, so no two requests share an object.',
    ],
  })
}
