/*
 * Reads the option `encryption`: keys of 32 bytes, as bytes or as text, or passphrases, from which
 * keys are derived once, when the application starts.
 */
import { scryptSync } from 'node:crypto'
import { KEY_BYTES } from './session-cipher.ts'

/** 32 bytes; as text in hex (64 digits), base64 or base64url; or a passphrase. */
export type EncryptionKey =
  | string
  | Uint8Array
  | {
      passphrase: string
      /** The same on all servers; another application's should differ. */
      salt?: string | undefined
    }

/** The option `encryption`. */
export interface EncryptionOption {
  /** The first encrypts, all decrypt. */
  keys: EncryptionKey | readonly EncryptionKey[]
  /** False: sessions are written unencrypted still, while servers get their keys. */
  write?: boolean | undefined
  /** Unencrypted sessions are read too; for a change-over. */
  acceptPlain?: boolean | undefined
}

export interface EncryptionSettings {
  keys: readonly Uint8Array[]
  write: boolean
  acceptPlain: boolean
}

export const PASSPHRASE_CHARS_MIN = 12
const SALT_DEFAULT = 'holdfast session'
/** About 50 ms and 32 MiB for each passphrase. */
const SCRYPT_COST = { N: 2 ** 15, r: 8, p: 1, maxmem: 64 * 1024 * 1024 }
const NAMES: readonly string[] = ['keys', 'write', 'acceptPlain']

/** Throws TypeError; no message tells a key. */
export function parseEncryption(value: unknown): EncryptionSettings | undefined {
  if (value === undefined || value === false) return undefined
  const option = new Map(Object.entries(isObject(value) ? value : {}))
  const unknown = [...option.keys()].find((name) => !NAMES.includes(name))
  const keys = option.get('keys')
  if (!isObject(value) || unknown !== undefined || keys === undefined) {
    throw new TypeError('option encryption must be {keys, write, acceptPlain}')
  }
  const list: unknown[] = Array.isArray(keys) ? keys : [keys]
  if (list.length === 0) throw new TypeError('option encryption.keys must not be empty')
  const write = flag(option, 'write', true)
  return { keys: list.map(keyOf), write, acceptPlain: flag(option, 'acceptPlain', !write) }
}

function keyOf(key: unknown): Uint8Array {
  if (key instanceof Uint8Array && key.length === KEY_BYTES) return Uint8Array.from(key)
  if (typeof key === 'string') {
    if (/^[\da-f]{64}$/i.test(key)) return Buffer.from(key, 'hex')
    if (/^[\w+/-]{43}=?$/.test(key)) return Buffer.from(key, 'base64')
  }
  if (isObject(key) && !(key instanceof Uint8Array)) return passphraseKey(key)
  throw new TypeError(
    `option encryption.keys: a key is ${KEY_BYTES} bytes, in hex or base64 if text, or {passphrase}`,
  )
}

function passphraseKey(key: object): Uint8Array {
  const { passphrase, salt = SALT_DEFAULT } = key as { passphrase?: unknown; salt?: unknown }
  if (typeof passphrase !== 'string' || passphrase.length < PASSPHRASE_CHARS_MIN) {
    throw new TypeError(
      `option encryption.keys: a passphrase is text of ${PASSPHRASE_CHARS_MIN} or more characters`,
    )
  }
  if (typeof salt !== 'string') throw new TypeError('option encryption.keys: salt must be text')
  return scryptSync(passphrase, salt, KEY_BYTES, SCRYPT_COST)
}

function flag(option: ReadonlyMap<string, unknown>, name: string, byDefault: boolean): boolean {
  const value = option.get(name)
  if (value === undefined) return byDefault
  if (typeof value === 'boolean') return value
  throw new TypeError(`option encryption.${name} must be true or false`)
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
