/*
 * What a client of one memcached server asks and what it is told, whichever protocol is spoken.
 * memcached-text-wire.ts and memcached-binary-wire.ts turn the one into bytes and bytes into the
 * other.
 */
import { RELATIVE_EXPTIME_MAX_SECONDS } from '@holdfast/protocol'

/** The commands that a client sends. */
export type MemcachedCommandName =
  | 'get'
  | 'gets'
  | 'gat'
  | 'gats'
  | 'set'
  | 'add'
  | 'replace'
  | 'cas'
  | 'delete'
  | 'touch'
  | 'incr'
  | 'version'

export interface MemcachedCommand {
  name: MemcachedCommandName
  key: string
  value: Buffer
  flags: number
  /** As memcached has it: 0 never, up to 30 days relative, else a date. */
  exptime: number
  cas: string
  delta: bigint
}

/** Whatever a write can come to. */
export type WriteOutcome = 'STORED' | 'EXISTS' | 'NOT_FOUND'

export type MemcachedAnswer =
  | { type: 'found'; value: Buffer; flags: number; cas: string | undefined }
  | { type: 'missed' }
  /** A write; the CAS it made, where the server tells it. */
  | { type: 'wrote'; outcome: WriteOutcome; cas: string | undefined }
  /** A delete or touch that found its item. */
  | { type: 'done' }
  | { type: 'counted'; value: bigint }
  | { type: 'version'; version: string }
  | { type: 'error'; kind: 'ERROR' | 'CLIENT_ERROR' | 'SERVER_ERROR'; message: string }

/** What one protocol on one connection needs of that connection. */
export interface MemcachedWireOwner {
  send(bytes: Buffer): void
  /** The server has answered the greeting. */
  wireReady(): void
  /** It will not serve; the reason holds no secret. */
  wireRefused(reason: string): void
  /** The command whose answer is next. */
  oldest(): MemcachedCommand | undefined
  answered(answer: MemcachedAnswer): void
}

/** One protocol on one connection. */
export interface MemcachedWire {
  /** The connection is open: greets, and logs in where credentials are given. */
  begin(): void
  /** Throws ProtocolError at bytes that are no reply. */
  read(chunk: Buffer): void
  /** The bytes of a command. Throws TypeError for a bad key. */
  write(command: MemcachedCommand): Buffer
}

/** Name and password; never part of an error. */
export interface MemcachedCredentials {
  username: string
  password: string
}

const EMPTY: Buffer = Buffer.alloc(0)

/** A command, with what it does not need left empty. */
export function memcachedCommand(
  name: MemcachedCommandName,
  key: string,
  fields: Partial<MemcachedCommand> = {},
): MemcachedCommand {
  return { name, key, value: EMPTY, flags: 0, exptime: 0, cas: '', delta: 0n, ...fields }
}

/** memcached reads a relative time of more than 30 days as a date in 1970. */
export function exptimeOf(ttlSeconds: number): number {
  if (ttlSeconds <= RELATIVE_EXPTIME_MAX_SECONDS) return ttlSeconds
  return Math.floor(Date.now() / 1000) + ttlSeconds
}
