/**
 * A memcached bucket of Membase (nodeLocator ketama, no vBuckets) as the server list of a pool of
 * memcached servers, which is what it is to its clients.
 */
import type { BucketConfig, PoolServer } from '@holdfast/topology'
import { splitAddress } from './engine-connection.ts'
import type { SaslCredentials } from './sasl-client.ts'

/** The healthy servers of a memcached bucket, in the order of the config. */
export function poolServersOf(config: BucketConfig): PoolServer[] {
  return config.serverList.map((address) => ({ ...splitAddress(address), weight: 1 }))
}

/** What to log in with at the bucket's servers: its name and SASL password. */
export function poolCredentialsOf(config: BucketConfig): SaslCredentials {
  return { username: config.name, password: config.saslPassword }
}
