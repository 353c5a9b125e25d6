/** Who may use a route: Membase's kinds of access, decided from the document and the header. */
import type { FastifyRequest } from 'fastify'
import type { Bucket, ClusterDocument, StoredUser } from '../document/cluster-document.ts'
import { ApiError } from './api-error.ts'
import { isOfConsole } from './browser-logins.ts'
import { basicCredentials, type PasswordCheck, sameSecret } from './credentials.ts'
import { type LoginRole, readToken } from './login-token.ts'

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
  /** One of Holdfast's proxies, by the token of the cluster's proxies. */
  proxy: boolean
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
  /** Tells where data is: for proxies as well. */
  proxies?: boolean
}

/** Name under which the node's own gateway asks; its password is the cluster's secret. */
export const GATEWAY_USER = '@gateway'

/** Name under which proxies elsewhere ask; its password is the token of the cluster's proxies. */
export const PROXY_USER = '@proxy'

/** Name under which a cluster asks the node that wants to join it; its password is a token. */
export const JOIN_USER = '@join'

const REALM = 'Basic realm="Membase Server Admin / REST"'
const FORBIDDEN = { message: 'Forbidden. The read-only user may change nothing and see no secret.' }

const NOBODY: Caller = { admin: false, readOnly: false, proxy: false }
const ADMIN: Caller = { ...NOBODY, admin: true }
const READER: Caller = { ...NOBODY, readOnly: true }
const PROXY: Caller = { ...NOBODY, proxy: true }

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
    return callerOf('reader', rule, request)
  }
  if (rule.proxies && (await isUser(credentials, proxyUser(document), passwords))) return PROXY
  if (access === 'open') return NOBODY
  if (await opensAsked(rule, request, document, { credentials, passwords })) return NOBODY
  throw new ApiError(401, '')
}

/** What a user is to a route; throws 403 for the read-only user where that is not enough. */
export function callerOf(role: LoginRole, rule: AccessRule, request: FastifyRequest): Caller {
  if (role === 'admin') return ADMIN
  const reads = request.method === 'GET' || request.method === 'HEAD' || rule.harmless === true
  if (rule.access === 'open' || (reads && rule.secret !== true)) return READER
  throw new ApiError(403, FORBIDDEN)
}

/** The challenge that goes with a 401, left out for callers that ask so: the console among them. */
export function challenge(request: FastifyRequest): string | null {
  const isQuiet = request.headers['invalid-auth-response'] === 'on' || isOfConsole(request)
  return isQuiet ? null : REALM
}

async function opensAsked(
  rule: AccessRule,
  request: FastifyRequest,
  { buckets }: ClusterDocument,
  by: { credentials: [string, string] | null; passwords: PasswordCheck },
): Promise<boolean> {
  if (rule.access === 'anybucket') {
    if (buckets.length === 0 || buckets.some((b) => isOpen(b))) return true
    return anyOf(buckets, (b) => opens(b, by.credentials, by.passwords))
  }
  if (rule.access !== 'bucket') return false
  const name = bucketName(request)
  const asked = buckets.filter((b) => b.name === name && !(rule.owner && isOpen(b)))
  return anyOf(asked, (b) => opens(b, by.credentials, by.passwords))
}

async function anyOf<T>(of: readonly T[], is: (one: T) => Promise<boolean>): Promise<boolean> {
  for (const one of of) if (await is(one)) return true
  return false
}

/** Whether a bucket lets everybody in. */
export function isOpen(bucket: Bucket): boolean {
  return bucket.authType === 'none' || bucket.login === null
}

/** Whether these credentials, or none, open a bucket. */
export async function opens(
  bucket: Bucket,
  credentials: [string, string] | null,
  passwords: PasswordCheck,
): Promise<boolean> {
  if (isOpen(bucket)) return true
  return isUser(credentials, bucketUser(bucket), passwords)
}

/** Whose logins are checked at REST. */
export function storedUsers(document: ClusterDocument): StoredUser[] {
  const { admin, readOnlyUser, buckets } = document
  const users = [admin, readOnlyUser, proxyUser(document), ...buckets.map((b) => bucketUser(b))]
  return users.filter((user) => user !== null)
}

/** A bucket is the user of its own name. */
function bucketUser({ name, login }: Bucket): StoredUser | null {
  return login && { username: name, passwordHash: login.passwordHash }
}

function proxyUser({ proxyTokenHash }: ClusterDocument): StoredUser | null {
  return proxyTokenHash === null ? null : { username: PROXY_USER, passwordHash: proxyTokenHash }
}

async function isAdmin(
  credentials: [string, string] | null,
  document: ClusterDocument,
  passwords: PasswordCheck,
): Promise<boolean> {
  if (document.admin === null) return true
  if (credentials?.[0] === GATEWAY_USER) return sameSecret(credentials[1], document.secret)
  if (credentials?.[0] === JOIN_USER) {
    return readToken('join', credentials[1], document, Date.now()) !== null
  }
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
