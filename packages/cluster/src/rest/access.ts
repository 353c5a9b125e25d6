/** Who may use a route: Membase's kinds of access, decided from the document and the header. */
import type { FastifyRequest } from 'fastify'
import type { ClusterDocument } from '../document/cluster-document.ts'
import { ApiError } from './api-error.ts'
import { basicCredentials, type PasswordCheck, sameSecret } from './credentials.ts'

/**
 * open: everybody. anybucket: the admin, any bucket's name and password, or everybody while some
 * bucket has no password. bucket: the admin or that bucket's credentials (none needed when it has
 * no password). admin: the admin; everybody while no admin is set. member: another member.
 */
export type Access = 'open' | 'anybucket' | 'bucket' | 'admin' | 'member'

export interface Caller {
  admin: boolean
}

/** Name under which the node's own gateway asks; its password is the cluster's secret. */
export const GATEWAY_USER = '@gateway'

const REALM = 'Basic realm="Holdfast Admin / REST"'

export async function checkAccess(
  access: Access,
  request: FastifyRequest,
  document: ClusterDocument,
  passwords: PasswordCheck,
): Promise<Caller> {
  const header = request.headers.authorization
  const bearer = /^Bearer\s+(\S+)$/.exec(header ?? '')?.[1]
  if (bearer !== undefined && sameSecret(bearer, document.secret)) return { admin: true }
  if (access === 'member') throw new ApiError(401, 'not a member of this cluster\n')
  const credentials = basicCredentials(header)
  const admin = await isAdmin(credentials, document, passwords)
  if (admin || access === 'open') return { admin }
  const name = bucketName(request)
  if (access === 'bucket' || access === 'anybucket') {
    const buckets = document.buckets.filter((b) => access === 'anybucket' || b.name === name)
    if (access === 'anybucket' && document.buckets.length === 0) return { admin }
    for (const bucket of buckets) {
      if (bucket.saslPassword === '') return { admin }
      const [user, password] = credentials ?? ['', '']
      if (user === bucket.name && sameSecret(password, bucket.saslPassword)) return { admin }
    }
  }
  throw new ApiError(401, '')
}

/** The challenge that goes with a 401, left out for callers that ask so. */
export function challenge(request: FastifyRequest): string | null {
  return request.headers['invalid-auth-response'] === 'on' ? null : REALM
}

async function isAdmin(
  credentials: [string, string] | null,
  document: ClusterDocument,
  passwords: PasswordCheck,
): Promise<boolean> {
  if (document.admin === null) return true
  if (credentials === null) return false
  if (credentials[0] === GATEWAY_USER) return sameSecret(credentials[1], document.secret)
  if (credentials[0] !== document.admin.username) return false
  return passwords.matches(credentials[1], document.admin.passwordHash)
}

function bucketName(request: FastifyRequest): string {
  const params = request.params
  if (typeof params !== 'object' || params === null || !('bucket' in params)) return ''
  return String(params.bucket)
}
