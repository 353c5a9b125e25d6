/**
 * The configuration's schema: every member with what it means, its unit, default and bounds.
 * `checkConfig` is the one way to a `ProxyConfig`; docs/reference/proxy-config.md is made from the
 * same schema. It looks at nothing outside: no files, no environment.
 */
import { SOCKET_LAYERS } from '@holdfast/client'
import { z } from 'zod'
import { issuesOf } from './config-issues.ts'
import { referenceIssues } from './config-references.ts'
import type { ConfigIssue, ProxyConfig } from './proxy-config.ts'

const CONNECTIONS_MAX = 1_000_000
const TIMEOUT_MS_MAX = 600_000
const VALUE_BYTES_MAX = 1024 * 1024 * 1024
const WORKERS_MAX = 64
const DAY_MS = 86_400_000

/** Names are looked up in objects, which have some of their own. */
const name = z
  .string()
  .regex(/^[A-Za-z0-9_.@%-]{1,100}$/, {
    error: 'expected a name of at most 100 letters, digits, or _ . @ % -',
  })
  .refine((text) => !(text in {}), { error: 'expected another name, this one is reserved' })
const port = z.int().min(0).max(65_535)
const file = z.string().min(1)
const configUrl = z
  .string()
  .regex(/^https?:\/\/[^\s/]+/, { error: 'expected an http:// or https:// URL' })

const tls = z.strictObject({
  certFile: file.describe('certificate chain, PEM'),
  keyFile: file.describe('private key, PEM'),
  caFile: file.optional().describe('authorities that client certificates are checked against'),
  requireClientCertificate: z
    .boolean()
    .default(false)
    .describe('refuse clients without a certificate of such an authority'),
})

const secret = {
  password: z.string().optional().describe('password; better in a file or the environment'),
  passwordFile: file.optional().describe('file that holds the password; a last line end is cut'),
  passwordEnvironment: z
    .string()
    .min(1)
    .optional()
    .describe('environment variable that holds the password'),
}

const username = z.string().min(1).optional()

const listener = z.strictObject({
  kind: z
    .enum(['memcached', 'data'])
    .default('memcached')
    .describe('data: the vBucket port of a store node, for clients that know its map'),
  host: z.string().min(1).default('127.0.0.1').describe('address; 0.0.0.0 or :: for all'),
  port: port.optional().describe('TCP port; 0 takes a free one'),
  socket: file.optional().describe('path of a unix socket, instead of a port'),
  socketMask: z
    .string()
    .regex(/^0?[0-7]{3}$/, { error: 'expected three octal digits, as in "0700"' })
    .default('0700')
    .describe('permissions of the socket file, octal'),
  backlog: z.int().min(1).max(65_535).default(1024).describe('connections waiting for accept'),
  protocol: z
    .enum(['auto', 'ascii', 'binary'])
    .default('auto')
    .describe('auto: by the first byte of each connection'),
  tls: tls.optional().describe('applications must use TLS'),
  bucket: name
    .nullable()
    .optional()
    .describe(
      'bucket of connections that have not logged in; null wants a login. Without it: `default`, or the only one there is',
    ),
  plainLogins: z.boolean().default(true).describe('allow SASL PLAIN, which shows the password'),
})

const backend = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('store').describe('a bucket of Holdfast, Membase or Couchbase'),
    urls: z.array(configUrl).min(1).max(64).describe('where its config is streamed, in turn'),
    username: username.describe('HTTP Basic user for the config servers'),
    ...secret,
  }),
  z.strictObject({
    type: z.literal('memcached').describe('plain memcached servers'),
    servers: z
      .array(z.string().min(1))
      .min(1)
      .max(4096)
      .describe('host[:port][:weight], port 11211, IPv6 in brackets'),
    distribution: z
      .enum(['ketama-weighted', 'ketama', 'libvbucket-ketama', 'modula'])
      .default('ketama-weighted')
      .describe('how keys are spread over the servers'),
    protocol: z.enum(['text', 'meta', 'binary']).default('text').describe('spoken to the servers'),
    username: username.describe('SASL user; needs protocol binary'),
    ...secret,
    connectionsPerServer: z.int().min(1).max(64).default(1).describe('connections to each server'),
    ejectDead: z
      .boolean()
      .default(false)
      .describe("give a dead server's keys to the others meanwhile, instead of failing them"),
  }),
  z.strictObject({
    type: z.literal('map').describe('a bucket config that never changes'),
    config: z.record(z.string(), z.unknown()).describe('as a config server would send it'),
    username: username.describe("SASL user for the servers; default: the config's bucket name"),
    ...secret,
  }),
  z.strictObject({
    type: z.literal('valkey').describe("someone's own Valkey or Redis, cluster or single"),
    url: z
      .string()
      .regex(/^(valkeys?|rediss?):\/\/\S+/, { error: 'expected valkey://host:port[,host:port]' })
      .describe('valkey://[user:password@]host:port[,host:port...], valkeys:// for TLS'),
    username: username.describe('user, when the URL has none'),
    ...secret,
  }),
  z.strictObject({
    type: z.literal('embedded').describe('on this machine, no server'),
    folder: file.describe('folder of the data'),
  }),
])

const route = z.looseObject({
  type: z.string().describe('kind of policy, see the guide to routing; its options beside it'),
})

const bucket = z.strictObject({
  use: name.describe('the backend or route behind it'),
  password: secret.password.describe(
    'opens the bucket to the login of its own name; without a password that login does not exist',
  ),
  passwordFile: secret.passwordFile,
  passwordEnvironment: secret.passwordEnvironment,
})

const user = z.strictObject({
  bucket: name.describe('the bucket that this login leads to'),
  ...secret,
})

const gateway = z.strictObject({
  urls: z
    .array(configUrl)
    .min(1)
    .max(64)
    .describe('where the configs of all buckets are streamed (saslBucketsStreaming), in turn'),
  username: username.describe('HTTP Basic user, an administrator of the store'),
  ...secret,
  defaultBucket: z
    .string()
    .default('default')
    .describe('bucket of connections that have not logged in, if it has no password'),
  first: z
    .boolean()
    .default(false)
    .describe('the first bucket listed serves such connections, whatever its name and password'),
})

const limits = z.strictObject({
  connectionsMax: z
    .int()
    .min(1)
    .max(CONNECTIONS_MAX)
    .default(10_000)
    .describe('application connections of each worker'),
  outstandingMax: z
    .int()
    .min(1)
    .max(65_536)
    .default(1024)
    .describe('requests of one connection without reply before it is no longer read'),
  valueBytesMax: z
    .int()
    .min(1)
    .max(VALUE_BYTES_MAX)
    .default(20 * 1024 * 1024)
    .describe('longest value, bytes'),
  operationTimeoutMs: z
    .int()
    .min(1)
    .max(TIMEOUT_MS_MAX)
    .default(5000)
    .describe('longest time from a request to its reply, ms'),
  connectTimeoutMs: z
    .int()
    .min(1)
    .max(TIMEOUT_MS_MAX)
    .default(400)
    .describe('one attempt to connect to a server, ms'),
  idleTimeoutMs: z
    .int()
    .min(0)
    .max(DAY_MS)
    .default(0)
    .describe('a connection without a request for this long is closed, ms; 0 never'),
  requestTimeoutMs: z
    .int()
    .min(0)
    .max(DAY_MS)
    .default(30_000)
    .describe(
      'a request of which nothing more comes for this long ends its connection, ms; 0 never',
    ),
  blockedTimeoutMs: z
    .int()
    .min(100)
    .max(DAY_MS)
    .default(30_000)
    .describe('a reader that takes nothing of its replies for this long is disconnected, ms'),
  drainTimeoutMs: z
    .int()
    .min(0)
    .max(TIMEOUT_MS_MAX)
    .default(2000)
    .describe('how long a stop waits for outstanding requests, ms'),
  handshakeTimeoutMs: z
    .int()
    .min(100)
    .max(TIMEOUT_MS_MAX)
    .default(10_000)
    .describe('a TLS handshake that takes longer ends its connection, ms'),
  backlogBytesMax: z
    .int()
    .min(4096)
    .max(VALUE_BYTES_MAX)
    .default(1024 * 1024)
    .describe('reply bytes not taken by an application before it is no longer read'),
  backlogBytesLimit: z
    .int()
    .min(4096)
    .max(VALUE_BYTES_MAX)
    .default(256 * 1024 * 1024)
    .describe('reply bytes not taken by an application before it is disconnected'),
  outstandingBytesMax: z
    .int()
    .min(4096)
    .max(VALUE_BYTES_MAX)
    .default(64 * 1024 * 1024)
    .describe('value bytes of one connection without reply before it is no longer read'),
  loginFailuresMax: z
    .int()
    .min(1)
    .max(1000)
    .default(5)
    .describe('failed logins before a connection is closed'),
})

const http = z.strictObject({
  enabled: z.boolean().default(true).describe('serve /health, /ready and /metrics'),
  host: z.string().min(1).optional().describe("address; default: the first listener's"),
  port: port.optional().describe('port; default: one above the highest port listened on'),
  tls: tls.optional(),
})

const log = z.strictObject({
  level: z.enum(['error', 'warn', 'info', 'debug', 'trace']).default('info'),
  file: file.optional().describe('default: standard error; opened anew at SIGHUP'),
  slowMs: z
    .int()
    .min(0)
    .max(TIMEOUT_MS_MAX)
    .default(250)
    .describe('requests that take longer are logged, ms; 0 none'),
  keys: z.boolean().default(false).describe('log keys of slow requests, not only their hash'),
})

const schema = z.strictObject({
  listeners: z.array(listener).min(1).max(256).describe('where applications connect'),
  backends: z.record(name, backend).default({}).describe('stores, by a name of your choice'),
  routes: z.record(name, route).default({}).describe('routing policies, by a name of your choice'),
  buckets: z.record(name, bucket).default({}).describe('keyspaces as applications see them'),
  users: z.record(name, user).default({}).describe('further logins, by user name'),
  gateways: z.array(gateway).max(16).default([]).describe('sources of many buckets'),
  limits: limits.prefault({}).describe('bounds and timeouts'),
  http: http.prefault({}).describe('the port for machines'),
  log: log.prefault({}).describe('what is logged, where'),
  workers: z.int().min(1).max(WORKERS_MAX).default(1).describe('processes that share the ports'),
  sockets: z
    .enum(SOCKET_LAYERS)
    .default('portable')
    .describe(
      'uring: one system call for all sockets (Linux 6.1, Node 26); where it cannot work, portable',
    ),
  stateFolder: file
    .optional()
    .describe('the last config of each source is kept here, for a start without config servers'),
})

/** The configuration that a parsed file or a command line asks for, or all that is wrong. */
export function checkConfig(
  value: unknown,
): { config: ProxyConfig; issues?: never } | { config?: never; issues: ConfigIssue[] } {
  const result = schema.safeParse(value)
  if (!result.success) return { issues: issuesOf(result.error, []) }
  const config: ProxyConfig = result.data
  const issues = referenceIssues(config)
  return issues.length === 0 ? { config } : { issues }
}

/** The schema as JSON Schema, for the reference and for editors. */
export function configJsonSchema(): Record<string, unknown> {
  return { ...z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) }
}
