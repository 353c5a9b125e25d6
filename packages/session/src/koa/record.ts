/*
 * koa-session's form of a kept session: the attributes beside `_expire`, `_maxAge` and `_session`.
 *
 * Pure.
 */
import { type Shown, setOwn } from '../exchange/shown-attributes.ts'
import type { Found } from './context-session.ts'
import { MAX_AGE_MS_DEFAULT } from './koa-options.ts'

export function parseRecord(record: Shown): Found {
  const attributes: Shown = {}
  for (const [name, value] of Object.entries(record)) {
    if (!name.startsWith('_')) setOwn(attributes, name, value)
  }
  const { _expire, _maxAge, _session } = record
  const maxAge = _session === true ? 'session' : typeof _maxAge === 'number' ? _maxAge : undefined
  return { attributes, record, maxAge, expireMs: typeof _expire === 'number' ? _expire : undefined }
}

/** What is kept, and the life that it has from now on. */
export function formRecord(
  attributes: Shown,
  maxAge: number | 'session' | undefined,
): { record: Shown; lifeMs: number | 'session' } {
  const life = maxAge || MAX_AGE_MS_DEFAULT
  if (life === 'session') return { record: { ...attributes, _session: true }, lifeMs: life }
  return {
    record: { ...attributes, _expire: life + Date.now(), _maxAge: life },
    lifeMs: life,
  }
}

export function asRecord(value: unknown): Shown | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  return Object.fromEntries(Object.entries(value))
}
