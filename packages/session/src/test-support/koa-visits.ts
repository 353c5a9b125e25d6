/*
 * What the conformance cases of the Koa middleware are made of: a usual handler, visits that report
 * what they saw, and a store that tells what it was asked.
 */
import type Koa from 'koa'
import {
  type AnyContext,
  type KoaAnswer,
  type KoaSiteKind,
  type MakeKoaSite,
  makeSession,
} from './koa-sites.ts'

export interface KoaCase {
  /** A sentence: what holds. */
  name: string
  observe: (make: MakeKoaSite, kind: KoaSiteKind) => Promise<unknown>
  /** How ours differs, and why. */
  differs?: string
}

export type Options = Record<string, unknown>

/** What most cases do, by path. */
export function usualHandler(context: AnyContext): unknown {
  const { session } = context
  const [, action, name = '', value = ''] = context.path.split('/')
  if (action === 'read') context.body = { ...session, isNew: undefined, _expire: undefined }
  else if (action === 'new') context.body = { isNew: session?.isNew }
  else if (action === 'key') context.body = { key: session?.externalKey }
  else if (action === 'destroy') context.session = null
  else if (action === 'fail') throw new Error('handler failed')
  else if (action === 'set' && session !== null) session[name] = value
  context.body ??= action
  return undefined
}

export const visits =
  (options: () => Options, ...paths: string[]): KoaCase['observe'] =>
  async (make) => {
    const site = await make(options(), usualHandler)
    const answers: KoaAnswer[] = []
    for (const path of paths) answers.push(await site.visit(path))
    return answers
  }

/** One path that reports what it sees; the others are usual. */
export const reports =
  (
    options: () => Options,
    see: (context: AnyContext) => unknown,
    ...paths: string[]
  ): KoaCase['observe'] =>
  async (make) => {
    const site = await make(options(), async (context) => {
      if (context.path === '/see') context.body = { seen: (await see(context)) ?? null }
      else usualHandler(context)
    })
    const answers: KoaAnswer[] = []
    for (const path of ['/set/user/ann', '/see', ...paths]) answers.push(await site.visit(path))
    return answers
  }

export const none = (): Options => ({})
/** Any store will do: what is asked of it is not looked at. */
export const stored = (): Options => ({
  store: Object.assign(recordingKoaStore(), { isReplaceable: true }),
})

export const messageOf = (work: () => unknown): string => {
  try {
    work()
    return 'no error'
  } catch (error) {
    return error instanceof Error ? `${error.name}: ${error.message}` : String(error)
  }
}

export const wrong =
  (options: unknown, app: unknown): KoaCase['observe'] =>
  async (_make, kind) =>
    messageOf(() => Reflect.apply(makeSession(kind), undefined, [options, app]))

export interface RecordingKoaStore {
  records: Map<string, string>
  calls: unknown[][]
  get: (key: string, maxAge: unknown, about: object) => Promise<unknown>
  set: (key: string, session: object, maxAge: unknown, about: object) => Promise<void>
  destroy: (key: string, about: object) => Promise<void>
  /** Makes all records older. */
  age: (ms: number) => void
}

/** A store that keeps JSON and tells what it was asked. */
export function recordingKoaStore(): RecordingKoaStore {
  const records = new Map<string, string>()
  const calls: unknown[][] = []
  const asked = (name: string, key: string, ...rest: unknown[]): void => {
    calls.push([name, key, ...rest])
  }
  return {
    records,
    calls,
    get: async (key, maxAge, about) => {
      asked('get', key, maxAge, Object.keys(about).sort())
      const text = records.get(key)
      return text === undefined ? undefined : JSON.parse(text)
    },
    set: async (key, session, maxAge, about) => {
      const { changed, rolling }: { changed?: unknown; rolling?: unknown } = about
      asked('set', key, maxAge, changed, rolling)
      records.set(key, JSON.stringify(session))
    },
    destroy: async (key, about) => {
      asked('destroy', key, Object.keys(about))
      records.delete(key)
    },
    age: (ms) => {
      for (const [key, text] of records) {
        const record: { _expire: number } = JSON.parse(text)
        record._expire -= ms
        records.set(key, JSON.stringify(record))
      }
    },
  }
}

export function eventsOf(app: Koa): unknown[] {
  const seen: unknown[] = []
  for (const name of ['session:missed', 'session:expired', 'session:invalid']) {
    app.on(name, (detail: { key?: unknown; value?: unknown; ctx?: unknown }) => {
      seen.push([name, typeof detail.key, typeof detail.value, typeof detail.ctx])
    })
  }
  return seen
}
