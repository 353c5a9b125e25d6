/**
 * Where somebody's own Valkey or Redis is, as one URL:
 *
 *   valkey://[user[:password]@]host[:port][,host[:port]...][/0][?flush=1]
 *   valkeys://...?ca=FILE or ?insecure=1     over TLS
 *
 * redis:// and rediss:// mean the same. Several hosts are several ways in to one cluster, or one
 * primary with its replicas. User and password are percent-encoded. TLS verifies the server against
 * the system's authorities, or those of `ca`, unless `insecure=1`. Without `flush=1` a flush_all is
 * refused, because it would empty the whole server, whoever else keeps things there.
 */
import { readFileSync } from 'node:fs'
import type { ConnectionOptions } from 'node:tls'
import type { EngineCredentials } from './engine-connection.ts'

/** What a URL says. */
export interface ValkeyTarget {
  /** `host:port` each; at least one. */
  addresses: readonly string[]
  credentials: EngineCredentials | undefined
  tls: ConnectionOptions | undefined
  flushAllowed: boolean
}

const PORT_DEFAULT = 6379
const HOSTS_MAX = 256
const URL_FORM =
  /^(valkey|redis)(s?):\/\/(?:([^:@/?]*)(?::([^@/?]*))?@)?([^@/?]+)(?:\/(\d*))?(?:\?(.*))?$/

/** Whether the text is such a URL, judging by its scheme. */
export function isValkeyUrl(text: string): boolean {
  return /^(valkey|redis)s?:\/\//.test(text)
}

/** Reads a URL; throws an Error that says what is wrong and never shows the password. */
export function parseValkeyUrl(url: string): ValkeyTarget {
  const form = URL_FORM.exec(url)
  if (form === null) throw new Error('bad valkey url: expected valkey://[user:password@]host:port')
  const [, , secure, user = '', password, hosts = '', database = '', query = ''] = form
  if (database !== '' && Number(database) !== 0) {
    throw new Error(`bad valkey url: database ${database} is not supported, only 0`)
  }
  const addresses = hosts.split(',').map((host, index) => addressOf(host, index + 1))
  if (addresses.length > HOSTS_MAX) throw new Error('bad valkey url: too many hosts')
  const options = optionsOf(query, secure === 's')
  return {
    addresses,
    credentials: credentialsOf(user, password),
    tls: secure === 's' ? tlsOptions(options) : undefined,
    flushAllowed: options.get('flush') === '1',
  }
}

function addressOf(host: string, place: number): string {
  const form = /^(\[[0-9a-fA-F:.]+\]|[^:[\]\s]+)(?::(\d{1,5}))?$/.exec(host.trim())
  const port = Number(form?.[2] ?? PORT_DEFAULT)
  if (form?.[1] === undefined || port < 1 || port > 65_535) {
    throw new Error(`bad valkey url: host ${place} is not host, host:port or [ipv6]:port`)
  }
  return `${form[1]}:${port}`
}

/** A password alone is the default user's. */
function credentialsOf(user: string, password: string | undefined): EngineCredentials | undefined {
  if (password === undefined) {
    if (user !== '') throw new Error('bad valkey url: a user without a password')
    return undefined
  }
  try {
    const username = user === '' ? 'default' : decodeURIComponent(user)
    return { username, password: decodeURIComponent(password) }
  } catch {
    throw new Error('bad valkey url: user or password is badly percent-encoded')
  }
}

function optionsOf(query: string, secure: boolean): URLSearchParams {
  const options = new URLSearchParams(query)
  for (const [name, value] of options) {
    const known = name === 'flush' || (secure && (name === 'ca' || name === 'insecure'))
    // Whatever is no plain word may be a password at the wrong place.
    const shown = /^[a-z]{1,20}$/.test(name) ? name : '(not shown)'
    if (!known) throw new Error(`bad valkey url: unknown option ${shown}`)
    if (name !== 'ca' && value !== '0' && value !== '1') {
      throw new Error(`bad valkey url: ${name} is 0 or 1`)
    }
  }
  return options
}

function tlsOptions(options: URLSearchParams): ConnectionOptions {
  const ca = options.get('ca')
  return {
    ...(ca === null ? {} : { ca: readFileSync(ca) }),
    rejectUnauthorized: options.get('insecure') !== '1',
  }
}
