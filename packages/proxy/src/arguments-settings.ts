/**
 * moxi's -Z: `key=value,key=value`, or one a line in a file. Which keys there are and what becomes
 * of them is in proxy-settings.ts.
 */
import { ArgumentError } from './argument-error.ts'
import { findSetting } from './proxy-settings.ts'

/**
 * Reads settings by the first of their names; warns of what is unknown, and of what is ignored
 * although it is set to something else than moxi's default.
 */
export function parseSettings(text: string, warnings: string[]): Map<string, string> {
  const settings = new Map<string, string>()
  for (const part of text.split(/[,\n]/)) {
    const entry = part.trim()
    if (entry === '' || entry.startsWith('#')) continue
    const equals = entry.indexOf('=')
    if (equals < 0) throw new ArgumentError('bad moxi config, missing =')
    const name = entry.slice(0, equals).trim()
    const value = entry.slice(equals + 1).trim()
    const known = findSetting(name)
    if (known === undefined) {
      const shown = /pw|pas|auth|secret/i.test(name) ? '(hidden)' : value
      warnings.push(`ERROR: config error in key: ${name} value: ${shown}`)
      continue
    }
    if (known.status === 'ignored' && value !== known.defaultText) {
      warnings.push(`setting ${name} ignored: ${known.meaning}`)
    }
    settings.set(known.name, value)
  }
  return settings
}

/** A setting that is a number; throws `ArgumentError` in moxi's words. */
export function number<Fallback>(
  settings: ReadonlyMap<string, string>,
  name: string,
  fallback: Fallback,
): number | Fallback {
  const text = settings.get(name)
  if (text === undefined) return fallback
  if (!/^\d{1,9}$/.test(text)) {
    throw new ArgumentError(`ERROR: config error in key: ${name} value: ${text}`)
  }
  return Number(text)
}
