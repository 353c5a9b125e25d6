/** Who may use a route: Membase's kinds of access, decided from the document and the header. */
import type { FastifyRequest } from 'fastify'
import type { Bucket, ClusterDocument, StoredUser } from '../document/cluster-document.ts'
import { ApiError } from './api-error.ts'
import { basicCredentials, type PasswordCheck, sameSecret } from './credentials.ts'

/**
 * open: everybody. anybucket: the admin, any bucket's name and password, or everybody while some
 * bucket has no password. bucket: the admin or that bucket's credentials (none needed when it has
 * no password). admin: the admin; everybody while no admin is set. member: another member.
 * The read-only user may read what the admin may, secrets apart, and change nothing.
 */
export type Access = 'open' | 'anybucket' | 'bucket' | 'admin' | 'member'

export interface Caller {
  admin: boolean
  /** The read-only user. */
  readOnly: boolean
}

/** What a route asks of its callers. */
export interface AccessRule {
  access: Access
  /** Shows secrets: not for the read-only user. */
  secret?: boolean
  /** No GET, and yet it changes nothing. */
  harmless?: boolean
  /** Changes a bucket: one that is open to everybody belongs to the admin alone. */
  owner?: boolean
}

/** Name under which the node's own gateway asks; its password is the cluster's secret. */
export const GATEWAY_USER = '@gateway'

const REALM = 'Basic realm="Membase Server Admin / REST"'
const FORBIDDEN = { message: 'Forbidden. The read-only user may change nothing and see no secret.' }

const ADMIN: Caller = { admin: true, readOnly: false }
const NOBODY: Caller = { admin: false, readOnly: false }
const READER: Caller = { admin: false, readOnly: true }

/** Who calls; throws 401 for nobody who may, 403 for the read-only user where that is not enough. */
export async function checkAccess(
  rule: AccessRule,
  request: FastifyRequest,
  document: ClusterDocument,
  passwords: PasswordCheck,
): Promise<Caller> {
  const { access } = rule
  const header = request.headers.authorization
  const bearer = /^Bearer\s+(\S+)$/.exec(header ?? '')?.[1]
  if (bearer !== undefined && sameSecret(bearer, document.secret)) return ADMIN
  if (access === 'member') throw new ApiError(401, 'not a member of this cluster\n')
  const credentials = basicCredentials(header)
  if (await isAdmin(credentials, document, passwords)) return ADMIN
  if (await isUser(credentials, document.readOnlyUser, passwords)) {
    const reads = request.method === 'GET' || request.method === 'HEAD' || rule.harmless === true
    if (access === 'open' || (reads && rule.secret !== true)) return READER
    throw new ApiError(403, FORBIDDEN)
  }
  if (access === 'open') return NOBODY
  if (access === 'anybucket' && opensAny(document.buckets, credentials)) return NOBODY
  const name = bucketName(request)
  const asked = document.buckets.filter((b) => b.name === name)
  const mayUse = (b: Bucket): boolean => opens(b, credentials) && !(rule.owner && opens(b, null))
  if (access === 'bucket' && asked.some((b) => mayUse(b))) return NOBODY
  throw new ApiError(401, '')
}

/** The challenge that goes with a 401, left out for callers that ask so. */
export function challenge(request: FastifyRequest): string | null {
  return request.headers['invalid-auth-response'] === 'on' ? null : REALM
}

function opensAny(buckets: readonly Bucket[], credentials: [string, string] | null): boolean {
  return buckets.length === 0 || buckets.some((b) => opens(b, credentials))
}

function opens(bucket: Bucket, credentials: [string, string] | null): boolean {
  if (bucket.authType === 'none' || bucket.saslPassword === '') return true
  const [user, password] = credentials ?? ['', '']
  return user === bucket.name && sameSecret(password, bucket.saslPassword)
}

/** True for a bucket's name with its password, or with any where it has none. */
export function opensOwn(bucket: Bucket, credentials: [string, string]): boolean {
  return credentials[0] === bucket.name && opens(bucket, credentials)
}

async function isAdmin(
  credentials: [string, string] | null,
  document: ClusterDocument,
  passwords: PasswordCheck,
): Promise<boolean> {
  if (document.admin === null) return true
  if (credentials?.[0] === GATEWAY_USER) return sameSecret(credentials[1], document.secret)
  return isUser(credentials, document.admin, passwords)
}

async function isUser(
  credentials: [string, string] | null,
  user: StoredUser | null,
  passwords: PasswordCheck,
): Promise<boolean> {
  if (credentials === null || user === null || credentials[0] !== user.username) return false
  return passwords.matches(credentials[1], user.passwordHash)
}

function bucketName(request: FastifyRequest): string {
  const params = request.params
  if (typeof params !== 'object' || params === null || !('bucket' in params)) return ''
  return String(params.bucket)
}
