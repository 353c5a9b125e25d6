/**
 * From what is typed into the form of a bucket to what is sent, and which errors of the running
 * check are shown: only those of fields that were touched. Pure.
 */
import type { FormValues } from '../../parts/form.tsx'
import type { Form } from '../../rest/request.ts'
import type { Bucket } from '../../rest/types.ts'

const MEGABYTE = 1024 * 1024

/** What a form that changes a bucket does with its password. */
export type PasswordChange = 'keep' | 'set' | 'none'

/** Where a form starts that makes a bucket; numbers as they stand in their fields. */
export const NEW_BUCKET: FormValues = {
  name: '',
  bucketType: 'membase',
  ramQuotaMB: '256',
  shards: '8',
  replicaNumber: '1',
  authType: 'sasl',
  saslPassword: '',
  proxyPort: '',
  durability: 'replicated',
  degradedWrites: 'allow',
  eviction: 'refuse',
  persistence: 'everysec',
}

/** Where a form starts that changes a bucket. */
export function valuesOfBucket(bucket: Bucket): FormValues {
  return {
    bucketType: bucket.bucketType,
    ramQuotaMB: String(Math.round(bucket.quota.rawRAM / MEGABYTE)),
    replicaNumber: String(bucket.replicaNumber),
    authType: bucket.authType,
    passwordChange: 'keep',
    proxyPort: bucket.proxyPort > 0 ? String(bucket.proxyPort) : '',
    durability: bucket.replicaNumber > 0 ? bucket.durability : 'replicated',
    degradedWrites: bucket.degradedWrites,
    eviction: bucket.eviction,
    persistence: bucket.persistence,
  }
}

/** What is sent: a password that is kept is left out, one that is removed is sent empty. */
export function formOf(values: FormValues): Form {
  const { passwordChange, saslPassword, ...form } = values
  if (passwordChange === 'keep') return form
  if (passwordChange === 'none') return { ...form, saslPassword: '' }
  return saslPassword === undefined ? form : { ...form, saslPassword }
}

/** Errors of fields whose value is not the one that they started with. */
export function touchedErrors(
  errors: Readonly<Record<string, string>>,
  start: FormValues,
  values: FormValues,
): Record<string, string> {
  const touched = Object.entries(errors).filter(([name]) => {
    return values[name] !== undefined && values[name] !== start[name]
  })
  return Object.fromEntries(touched)
}
