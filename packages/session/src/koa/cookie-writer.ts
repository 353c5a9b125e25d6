/*
 * The session cookie by `ctx.cookies`, which signs with `app.keys`: the same cookies as
 * koa-session's.
 */
import type { ContextOptions, KoaContext } from './koa-options.ts'

/** The key, or the data, that the cookie or the application's `externalKey` holds. */
export function readKey(context: KoaContext, options: ContextOptions): string | undefined {
  const { externalKey, key } = options
  return externalKey === undefined
    ? context.cookies.get(key, cookieOptions(options))
    : externalKey.get(context)
}

export function writeKey(context: KoaContext, options: ContextOptions, value: string): void {
  if (options.externalKey === undefined) writeCookie(context, options, value)
  else options.externalKey.set(context, value)
}

export function writeCookie(context: KoaContext, options: ContextOptions, value: string): void {
  context.cookies.set(options.key, value, cookieOptions(options))
}

export function expireCookie(context: KoaContext, options: ContextOptions): void {
  context.cookies.set(options.key, '', {
    ...cookieOptions(options),
    expires: new Date(0),
    maxAge: false,
  })
}

/** `cookies` copies what it is given onto its cookie: functions are no business of it. */
function cookieOptions(options: ContextOptions): object {
  const given = Object.entries(options).filter(([, value]) => typeof value !== 'function')
  const forCookie = Object.fromEntries(given)
  for (const name of ['store', 'externalKey', 'key', 'encode', 'decode']) delete forCookie[name]
  if (options.maxAge === 'session') forCookie.maxAge = undefined
  return forCookie
}
