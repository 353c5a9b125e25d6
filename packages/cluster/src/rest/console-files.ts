/**
 * The console's files under `/ui/`, as they were built: this node only hands them out. What a page
 * may do is bound by headers: scripts, styles and images of this origin alone, in no frame, and
 * requests to the REST ports of the members, where a page asks who is alive when its node has died.
 */
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import fastifyStatic from '@fastify/static'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { restAddressOf, type ViewSource } from './views.ts'

/** Where the console begins. */
export const CONSOLE_PATH = '/ui/'
/** Names in this folder change with their content. */
const HASHED_FOLDER = 'assets'
const HASHED_MAX_AGE_SECONDS = 365 * 86_400
const NOT_BUILT = 'This node was started without a console.\n'

/** Serves the console's files; without any, each of their paths answers that there is none. */
export async function serveConsole(
  app: FastifyInstance,
  options: { folder: string | null; source: (request: FastifyRequest) => ViewSource },
): Promise<void> {
  app.get('/ui', (_request, reply) => reply.redirect(CONSOLE_PATH, 301))
  const folder = options.folder === null ? null : resolve(options.folder)
  if (folder === null || !existsSync(join(folder, 'index.html'))) {
    app.get(`${CONSOLE_PATH}*`, (_request, reply) => reply.code(404).send(NOT_BUILT))
    return
  }
  const hashed = join(folder, HASHED_FOLDER, '/')
  await app.register(fastifyStatic, {
    root: folder,
    prefix: CONSOLE_PATH,
    cacheControl: false,
    decorateReply: false,
    dotfiles: 'ignore',
    preCompressed: true,
    setHeaders: (reply, path) => {
      secure(reply, options.source(reply.request))
      reply.header(
        'cache-control',
        path.startsWith(hashed)
          ? `public, max-age=${HASHED_MAX_AGE_SECONDS}, immutable`
          : 'no-cache',
      )
    },
  })
}

function secure(reply: FastifyReply, source: ViewSource): void {
  reply.headers({
    'content-security-policy': contentSecurityPolicy(source),
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cross-origin-opener-policy': 'same-origin',
  })
}

/** What a page of the console may load and ask. */
export function contentSecurityPolicy(source: ViewSource): string {
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "font-src 'self'",
    `connect-src ${["'self'", ...memberOrigins(source)].join(' ')}`,
    "form-action 'self'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
  ].join('; ')
}

function memberOrigins(source: ViewSource): string[] {
  return source.document.members.flatMap((member) => {
    const address = restAddressOf(source, member)
    const tlsPort = source.figures?.(member.id)?.tlsPort ?? null
    const host = address.slice(0, address.lastIndexOf(':'))
    return [`http://${address}`, ...(tlsPort === null ? [] : [`https://${host}:${tlsPort}`])]
  })
}
