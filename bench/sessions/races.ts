// The routes on which requests of one session overtake each other, for the suite `races`.
import { setTimeout as delay } from 'node:timers/promises'

/** A request's session, whatever the framework. */
export interface RacingSession {
  readonly attributes: Record<string, unknown>
  end(): Promise<void> | void
  /** Absent where a layer has no atomic update. */
  readonly update?:
    | ((change: (attributes: Record<string, unknown>) => void) => Promise<void>)
    | undefined
}

type Query = Readonly<Record<string, string>>

type Race = (session: RacingSession, query: Query) => Promise<object> | object

/** What each route does; `ms` is how long it takes before it writes. */
export const RACES: ReadonlyMap<string, Race> = new Map<string, Race>([
  [
    '/begin',
    ({ attributes }) => {
      attributes.n = 0
      return { begun: true }
    },
  ],
  [
    '/put',
    async ({ attributes }, { name = '', ms }) => {
      await delay(Number(ms))
      attributes[name] = 1
      return { put: name }
    },
  ],
  [
    '/add',
    ({ attributes }) => {
      attributes.n = Number(attributes.n) + 1
      return { n: attributes.n }
    },
  ],
  [
    '/add-atomically',
    async ({ attributes, update }) => {
      const add = (of: Record<string, unknown>): void => {
        of.n = Number(of.n) + 1
      }
      if (update === undefined) add(attributes)
      else await update(add)
      return {}
    },
  ],
  [
    '/look',
    async ({ attributes }, { ms }) => {
      const looked = attributes.n
      await delay(Number(ms))
      return { looked }
    },
  ],
  [
    '/end',
    async (session) => {
      await session.end()
      return {}
    },
  ],
  ['/all', ({ attributes }) => ({ attributes: { ...attributes } })],
])
