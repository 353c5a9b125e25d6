/**
 * The admin that a node has before a person or a cluster gives it one. A node that others can reach
 * is never without: until there is an admin, everybody who reaches REST is one. Decides only; the
 * password arrives hashed and is kept nowhere else.
 */
import { isIPv4 } from 'node:net'
import { NodeOptionError } from '../options.ts'
import type { ClusterDocument, StoredUser } from './cluster-document.ts'

/** True for addresses that only this machine can reach. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'))
}

/**
 * The document that a node starts with. The given admin is taken only where there is none. Throws
 * {@link NodeOptionError} for a node without an admin at an address that others can reach.
 */
export function withFirstAdmin(
  document: ClusterDocument,
  given: StoredUser | null,
  host: string,
): ClusterDocument {
  if (document.admin !== null) return document
  if (given !== null) return { ...document, admin: given, rev: document.rev + 1 }
  if (isLoopback(host)) return document
  throw new NodeOptionError(
    `--host ${host} can be reached by others and this node has no admin yet: give the password of ` +
      'one with --admin-password-file <file> or in the environment as HOLDFAST_ADMIN_PASSWORD ' +
      '(its name with --admin <user>)',
  )
}

/** The admin of a node that its cluster has removed: it stays closed to those who could reach it. */
export function adminAfterLeaving(
  left: StoredUser | null,
  given: StoredUser | null,
  host: string,
): StoredUser | null {
  return given ?? (isLoopback(host) ? null : left)
}
