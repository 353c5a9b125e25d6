// Small checks on parsed JSON for the bucket config parser: each returns the value with its type
// or throws a ConfigError with the text given.

import { ConfigError } from './config-error.ts'

/** A JSON object whose members have not been checked. */
export type JsonObject = Record<string, unknown>

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export function objectOf(value: unknown, why: string): JsonObject {
  if (!isObject(value)) throw new ConfigError(why)
  return value
}

export function arrayOf(value: unknown, why: string): unknown[] {
  if (!Array.isArray(value)) throw new ConfigError(why)
  return value
}

export function stringOf(value: unknown, why: string): string {
  if (typeof value !== 'string') throw new ConfigError(why)
  return value
}

export function integerOf(value: unknown, min: number, max: number, why: string): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < min || value > max) {
    throw new ConfigError(why)
  }
  return value
}

/** The string, or the fallback when it is absent or anything else. */
export function stringOr(value: unknown, fallback: string): string {
  return typeof value === 'string' ? value : fallback
}

/** The port number, or 0. */
export function portOr0(value: unknown): number {
  const valid = typeof value === 'number' && Number.isInteger(value) && value > 0 && value < 65_536
  return valid ? value : 0
}
