/** Options of a store node: one table, for the command line and for the reference. */
import { z } from 'zod'
import type { OpenSessionBrowser } from './sessions/session-browser.ts'

/** The engine's bus port is its port + 10000 and must stay below the ephemeral range. */
export const ENGINE_PORT_MAX = 22_767

const TLS_PORT = 18_091
const ADMIN_PASSWORD_LENGTH_MIN = 6

export interface NodeOptions {
  /** Folder of this node's state. */
  data: string
  /** Address that every port of this node listens on, and that other members reach it at. */
  host: string
  port: number
  gatewayPort: number
  dataPort: number
  enginePorts: [from: number, to: number]
  arbiter: boolean
  /** REST over TLS beside the plain port; null or absent runs none. */
  tls?: TlsOptions | null
  /** Admin that is set where the node has none yet; null or absent sets none. */
  admin?: FirstAdmin | null
  version: string
  /** Program and arguments of the gateway proxy; null runs none. */
  gatewayCommand: readonly string[] | null
  /** Opens what knows sessions when it is asked for; null or absent: this node shows none. */
  openSessions?: OpenSessionBrowser | null
  /** Folder of the built console; null or absent serves none. */
  consoleFolder?: string | null
}

/** Admin of a node at its first start. */
export interface FirstAdmin {
  username: string
  password: string
}

/** Files and port of REST over TLS. */
export interface TlsOptions {
  certFile: string
  keyFile: string
  port: number
}

/** One command line option of `holdfast node`. */
export interface NodeOptionRow {
  flags: string
  default: string
  description: string
}

export const nodeOptionTable: readonly NodeOptionRow[] = [
  { flags: '--data <dir>', default: '', description: 'folder of this node (required)' },
  { flags: '--host <host>', default: '127.0.0.1', description: 'address of all its ports' },
  { flags: '--port <port>', default: '8091', description: 'REST port' },
  { flags: '--gateway-port <port>', default: '11211', description: 'memcached port (gateway)' },
  { flags: '--data-port <port>', default: '11210', description: 'vBucket port, as published' },
  {
    flags: '--engine-ports <from-to>',
    default: '12000-12099',
    description: `ports for engines, below ${ENGINE_PORT_MAX + 1}`,
  },
  {
    flags: '--tls-cert <file>',
    default: '',
    description: 'certificate (PEM) of REST over TLS; read again when it changes, and on SIGHUP',
  },
  { flags: '--tls-key <file>', default: '', description: 'its private key (PEM)' },
  { flags: '--tls-port <port>', default: '18091', description: 'REST port with TLS' },
  { flags: '--arbiter', default: '', description: 'votes, holds no data' },
  {
    flags: '--admin <user>',
    default: 'Administrator',
    description: 'admin that a node without one gets, if its password is given',
  },
  {
    flags: '--admin-password-file <file>',
    default: '',
    description:
      'file with its password (or HOLDFAST_ADMIN_PASSWORD); needed at the first start when --host is not loopback',
  },
]

const port = z.coerce.number().int().min(1).max(65_535)

const fields = z.object({
  data: z.string().min(1, 'is required'),
  host: z.string().min(1),
  port,
  gatewayPort: port,
  dataPort: port,
  enginePorts: z
    .string()
    .regex(/^\d+-\d+$/, 'must be FROM-TO')
    .transform((text): [number, number] => {
      const [from, to] = text.split('-').map(Number)
      return [from ?? 0, to ?? 0]
    })
    .refine(([from, to]) => from >= 1024 && from <= to && to <= ENGINE_PORT_MAX, {
      message: `must lie within 1024-${ENGINE_PORT_MAX} (the engine's bus port is 10000 above)`,
    }),
  arbiter: z.boolean().default(false),
  tlsCert: z.string().min(1).optional(),
  tlsKey: z.string().min(1).optional(),
  tlsPort: port.default(TLS_PORT),
  admin: z
    .string()
    .regex(/^[^:]{1,128}$/, 'must be 1 to 128 characters without a colon')
    .default('Administrator'),
  adminPassword: z
    .string()
    .min(ADMIN_PASSWORD_LENGTH_MIN, `must have ${ADMIN_PASSWORD_LENGTH_MIN} characters or more`)
    .optional(),
})

const schema = fields.refine(
  ({ tlsCert, tlsKey }) => (tlsCert === undefined) === (tlsKey === undefined),
  { path: ['tlsCert'], message: 'and --tls-key go together' },
)

/** Raised for an option that cannot be used; the message names it. */
export class NodeOptionError extends Error {
  readonly code = 'HOLDFAST_NODE_OPTION'
}

/**
 * Checks what the command line gives, and `adminPassword` from where it was read. Throws
 * {@link NodeOptionError}.
 */
export function readNodeOptions(
  raw: Record<string, unknown>,
): Omit<NodeOptions, 'version' | 'gatewayCommand'> {
  const result = schema.safeParse(raw)
  if (result.success) {
    const { tlsCert: certFile, tlsKey: keyFile, tlsPort, ...rest } = result.data
    const { admin: username, adminPassword: password, ...options } = rest
    const isOn = certFile !== undefined && keyFile !== undefined
    return {
      ...options,
      tls: isOn ? { certFile, keyFile, port: tlsPort } : null,
      admin: password === undefined ? null : { username, password },
    }
  }
  const lines = result.error.issues.map((issue) => {
    const name = String(issue.path[0] ?? '').replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`)
    return `--${name} ${issue.message}`
  })
  throw new NodeOptionError(lines.join('; '))
}
