/**
 * Words of a member that any member of the cluster believes: who has logged in, and until when.
 * They are signed with the cluster's secret and the user's password hash, so a changed password
 * voids them. Nothing is kept of them; what must not be used twice is browser-logins.ts' matter.
 */
import { createHmac, timingSafeEqual } from 'node:crypto'
import { z } from 'zod'
import type { ClusterDocument, StoredUser } from '../document/cluster-document.ts'

export type LoginRole = 'admin' | 'reader'

/**
 * login: what a browser's cookie holds. ticket: lets a browser that is logged in at one node log in
 * at another. join: lets the cluster that this node asks to take it in speak to it.
 */
export type TokenKind = 'login' | 'ticket' | 'join'

/** What a token says. */
export interface LoginClaims {
  /** Of the login: it stays when the login is renewed or moves to another node. */
  id: string
  user: string
  role: LoginRole
  /** Unix time in ms after which the token is void. */
  expiresAtMs: number
  /** When the login of a ticket ends. */
  loginEndsAtMs: number
}

/** Longer ones are not looked at. */
const TOKEN_LENGTH_MAX = 2048

const claimsSchema: z.ZodType<LoginClaims> = z.object({
  id: z.string(),
  user: z.string(),
  role: z.enum(['admin', 'reader']),
  expiresAtMs: z.number(),
  loginEndsAtMs: z.number(),
})

/** The user of a role; null when there is none. */
export function userOf(document: ClusterDocument, role: LoginRole): StoredUser | null {
  return role === 'admin' ? document.admin : document.readOnlyUser
}

/** A token of the claims; it is worth nothing when the cluster has no such user. */
export function signToken(kind: TokenKind, claims: LoginClaims, document: ClusterDocument): string {
  const payload = Buffer.from(JSON.stringify(claims)).toString('base64url')
  const passwordHash = userOf(document, claims.role)?.passwordHash ?? ''
  return `${payload}.${signatureOf(kind, payload, document.secret, passwordHash)}`
}

/** What a token says; null for one that is forged, of another kind, over, or of a former user. */
export function readToken(
  kind: TokenKind,
  token: string,
  document: ClusterDocument,
  nowMs: number,
): LoginClaims | null {
  const [payload, signature, ...rest] = token.split('.')
  if (!payload || !signature || rest.length > 0 || token.length > TOKEN_LENGTH_MAX) return null
  const claims = claimsOf(payload)
  const user = claims && userOf(document, claims.role)
  if (!user || user.username !== claims.user || claims.expiresAtMs <= nowMs) return null
  const expected = signatureOf(kind, payload, document.secret, user.passwordHash)
  return isSame(signature, expected) ? claims : null
}

function claimsOf(payload: string): LoginClaims | null {
  try {
    const parsed: unknown = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'))
    return claimsSchema.safeParse(parsed).data ?? null
  } catch {
    return null
  }
}

function signatureOf(
  kind: TokenKind,
  payload: string,
  secret: string,
  passwordHash: string,
): string {
  const hmac = createHmac('sha256', secret)
  return hmac.update(`holdfast-ui ${kind}\n${payload}\n${passwordHash}`).digest('base64url')
}

function isSame(a: string, b: string): boolean {
  const [one, other] = [Buffer.from(a), Buffer.from(b)]
  return one.length === other.length && timingSafeEqual(one, other)
}
