/**
 * What the document keeps of a bucket's password: a scrypt hash, which REST checks, and the salted
 * keys of SCRAM, which the gateways of the nodes check logins against. Never the password itself.
 * A document of an earlier build holds passwords: those are converted where it is read, by salts
 * that come of the bucket, so that all members come to the same.
 */
import { createHash, randomBytes, scryptSync } from 'node:crypto'
import {
  type LoginKeys,
  makeLoginKeys,
  makeLoginKeysSync,
  SCRAM_SALT_BYTES,
  type ScramHash,
} from '@holdfast/client'
import { z } from 'zod'
import { hashPassword, storedHash } from '../rest/credentials.ts'

/** The keys of a bucket's login. */
export interface BucketLogin {
  passwordHash: string
  scram: LoginKeys
}

const HASH_BYTES = 32
/** Converted passwords that are remembered, as the same document may come again and again. */
const CONVERTED_MAX = 100

const key = z.object({
  salt: z.string(),
  iterations: z.number().int().positive(),
  storedKey: z.string(),
  serverKey: z.string(),
})

export const loginKeysSchema: z.ZodType<LoginKeys> = z.object({
  sha512: key,
  sha256: key,
  sha1: key,
})

export const bucketLoginSchema: z.ZodType<BucketLogin> = z.object({
  passwordHash: z.string(),
  scram: loginKeysSchema,
})

/** The login of a bucket with this password; null for none. */
export async function makeBucketLogin(password: string): Promise<BucketLogin | null> {
  return password === '' ? null : makeLogin(password)
}

/** What is kept of a password. */
export async function makeLogin(password: string): Promise<BucketLogin> {
  const [passwordHash, scram] = await Promise.all([
    hashPassword(password),
    makeLoginKeys(password, () => randomBytes(SCRAM_SALT_BYTES)),
  ])
  return { passwordHash, scram }
}

const converted = new Map<string, BucketLogin>()

/** A bucket as an earlier build wrote it, with its password in the open, brought to this form. */
export function withoutPassword(stored: unknown): unknown {
  if (typeof stored !== 'object' || stored === null || !('saslPassword' in stored)) return stored
  const { saslPassword, ...bucket } = stored
  if ('login' in bucket || typeof saslPassword !== 'string') return bucket
  if (saslPassword === '') return { ...bucket, login: null }
  const uuid = 'uuid' in bucket ? String(bucket.uuid) : ''
  return { ...bucket, login: convert(saslPassword, uuid) }
}

function convert(password: string, uuid: string): BucketLogin {
  const place = createHash('sha256').update(`${uuid}\0${password}`).digest('base64')
  const known = converted.get(place)
  if (known) return known
  const saltOf = (use: string): Buffer =>
    createHash('sha256').update(`${use} ${uuid}`).digest().subarray(0, SCRAM_SALT_BYTES)
  const salt = saltOf('scrypt')
  const login: BucketLogin = {
    passwordHash: storedHash(salt, scryptSync(password, salt, HASH_BYTES)),
    scram: makeLoginKeysSync(password, (hash: ScramHash) => saltOf(hash)),
  }
  if (converted.size >= CONVERTED_MAX) converted.clear()
  converted.set(place, login)
  return login
}
