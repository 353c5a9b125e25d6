/**
 * What a login is checked against: the password itself, where it stands in the configuration or a
 * config server gives it (Membase does), or the keys made of one (Holdfast's store does). Pure.
 */
import type { LoginKeys } from '@holdfast/client'
import type { BucketConfig } from '@holdfast/topology'

/** A password, empty where there is none, or the keys made of one. */
export type LoginSecret = string | LoginKeys

/** The secret of the login of a bucket's name. */
export function secretOf(config: BucketConfig): LoginSecret {
  const login = config.holdfast?.login
  return login === undefined ? config.saslPassword : (login ?? '')
}
