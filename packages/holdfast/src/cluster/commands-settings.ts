/** Commands on settings: automatic failover, alerts, users; and what the store has to tell. */
import { z } from 'zod'
import {
  type ClusterCommand,
  type CommandContext,
  formOf,
  numberOf,
  type OptionRow,
  type Outcome,
  oneAction,
  requiredText,
  success,
  switchOf,
  textOf,
  UsageError,
} from './command.ts'
import { type RestClient, RestError } from './rest-client.ts'

/** couchbase-cli's options and the store's names of alerts. */
const ALERTS: Readonly<Record<string, string>> = {
  'auto-failover-node': 'auto_failover_node',
  'auto-failover-max-reached': 'auto_failover_maximum_reached',
  'auto-failover-node-down': 'auto_failover_other_nodes_down',
  'auto-failover-cluster-small': 'auto_failover_cluster_too_small',
  'auto-failover-disable': 'auto_failover_disabled',
  'auto-failover-no-copy': 'auto_failover_no_copy',
  'ip-changed': 'ip',
  'disk-space': 'disk',
  'meta-overhead': 'memory',
  'meta-oom': 'ep_oom_errors',
  'write-failed': 'write_failed',
  'timestamp-drift-exceeded': 'clock_skew',
  engine: 'engine',
  degraded: 'degraded',
  unavailable: 'unavailable',
}

const alertOptions: readonly OptionRow[] = Object.entries(ALERTS).map(([option, alert]) => ({
  flags: `--alert-${option}`,
  description: `tell of ${alert}`,
}))

export const settingsCommands: readonly ClusterCommand[] = [
  {
    name: 'setting-autofailover',
    group: 'Settings',
    description: 'set or show automatic failover',
    options: [
      { flags: '--enable-auto-failover <0-or-1>', description: 'off or on' },
      {
        flags: '--auto-failover-timeout <seconds>',
        description: 'silence after which a node is given up, 0.3 or more',
      },
      {
        flags: '--max-failovers <count>',
        description: 'nodes in a row before copies are whole again',
      },
      { flags: '--reset-count', description: 'start counting anew' },
    ],
    run: autoFailover,
  },
  {
    name: 'setting-alert',
    group: 'Settings',
    description: 'set or show who is told of trouble, by mail or by a call of an URL',
    options: [
      { flags: '--enable-email-alert <0-or-1>', description: 'off or on' },
      { flags: '--email-recipients <address,...>', description: 'who gets mail' },
      { flags: '--email-sender <address>', description: 'who it is from' },
      { flags: '--email-user <user>', description: 'login at the mail server' },
      {
        flags: '--email-password [password]',
        description: 'password there',
        secret: true,
      },
      { flags: '--email-host <host>', description: 'mail server' },
      { flags: '--email-port <port>', description: 'its port' },
      { flags: '--enable-email-encrypt <0-or-1>', description: 'TLS to the mail server' },
      { flags: '--webhook <url>', description: 'URL that each alert is posted to as JSON' },
      ...alertOptions,
      { flags: '--test', description: 'send a test mail with these settings, change nothing' },
    ],
    run: alertSettings,
  },
  {
    name: 'setting-web',
    group: 'Settings',
    description: 'set or show the admin and the port of the REST',
    options: [
      { flags: '--web-username <user>', description: 'admin to set' },
      { flags: '--web-password [password]', description: 'its password', secret: true },
    ],
    run: webSettings,
  },
  {
    name: 'setting-notification',
    group: 'Settings',
    description: 'set or show whether statistics may be sent; Holdfast never sends any',
    options: [{ flags: '--enable-notifications <0-or-1>', description: 'off or on' }],
    run: async ({ rest, options }) => {
      const sendStats = switchOf(options, 'enableNotifications')
      if (sendStats === undefined) return shown(await rest.get('/settings/stats'))
      await rest.post('/settings/stats', { sendStats })
      return success('notification settings changed')
    },
  },
  {
    name: 'user-manage',
    group: 'Settings',
    description: 'the user who may look at everything and change nothing',
    options: [
      { flags: '--list', description: 'show its name' },
      { flags: '--set', description: 'set it' },
      { flags: '--delete', description: 'remove it' },
      { flags: '--ro-username <user>', description: 'its name' },
      { flags: '--ro-password [password]', description: 'its password', secret: true },
    ],
    run: manageUser,
  },
  {
    name: 'proxy-token',
    group: 'Settings',
    description: 'the token by which proxies on other machines are told the engines',
    options: [
      { flags: '--show', description: 'say whether there is one' },
      { flags: '--create', description: 'make one and show it, once; the one before is void' },
      { flags: '--delete', description: 'remove it' },
    ],
    run: proxyToken,
  },
  {
    name: 'logs',
    group: 'Cluster',
    description: "show the cluster's log: failovers, refusals, rebalances, settings",
    options: [{ flags: '--limit <count>', description: 'the latest only', default: '50' }],
    run: logs,
  },
]

async function autoFailover({ rest, options }: CommandContext): Promise<Outcome> {
  const reset = options.resetCount === true
  const enabled = switchOf(options, 'enableAutoFailover')
  const timeout = numberOf(options, 'autoFailoverTimeout')
  const maxCount = numberOf(options, 'maxFailovers')
  if (reset) await rest.post('/settings/autoFailover/resetCount')
  const changes = enabled !== undefined || timeout !== undefined || maxCount !== undefined
  if (changes) {
    await rest.post('/settings/autoFailover', {
      ...(enabled === undefined ? {} : { enabled }),
      ...(timeout === undefined ? {} : { timeout: String(timeout) }),
      ...(maxCount === undefined ? {} : { maxCount: String(maxCount) }),
    })
  }
  if (reset && !changes) return success('count of automatic failovers reset')
  if (changes) return success('automatic failover settings changed')
  return shown(await rest.get('/settings/autoFailover'))
}

const ALERT_FIELDS: Readonly<Record<string, string>> = {
  emailRecipients: 'recipients',
  emailSender: 'sender',
  emailUser: 'emailUser',
  emailPassword: 'emailPass',
  emailHost: 'emailHost',
  emailPort: 'emailPort',
  webhook: 'webhookUrl',
}

async function alertSettings({ rest, options }: CommandContext): Promise<Outcome> {
  const form = formOf(options, ALERT_FIELDS)
  const enabled = switchOf(options, 'enableEmailAlert')
  const encrypted = switchOf(options, 'enableEmailEncrypt')
  if (enabled !== undefined) form.enabled = enabled
  if (encrypted !== undefined) form.emailEncrypt = encrypted
  const alerts = Object.entries(ALERTS).filter(([option]) => options[alertName(option)] === true)
  if (alerts.length > 0) form.alerts = alerts.map(([, alert]) => alert).join(',')
  if (options.test === true) {
    await rest.post('/settings/alerts/testEmail', {
      ...form,
      subject: 'Holdfast: a test',
      body: 'This is a test of the alert settings.',
    })
    return success('test mail sent')
  }
  if (Object.keys(form).length === 0) return shown(await rest.get('/settings/alerts'))
  if (enabled === undefined && form.webhookUrl === undefined) {
    throw new UsageError('--enable-email-alert is required')
  }
  await rest.post('/settings/alerts', form)
  return success('alert settings changed')
}

function alertName(option: string): string {
  return `alert-${option}`.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase())
}

async function webSettings({ rest, options }: CommandContext): Promise<Outcome> {
  const username = textOf(options, 'webUsername')
  const password = textOf(options, 'webPassword')
  if (username === undefined && password === undefined)
    return shown(await rest.get('/settings/web'))
  if (username === undefined || password === undefined) {
    throw new UsageError('--web-username and --web-password go together')
  }
  await rest.post('/settings/web', { username, password, port: 'SAME' })
  return success('admin changed')
}

async function manageUser({ rest, options }: CommandContext): Promise<Outcome> {
  const action = oneAction(options, ['list', 'set', 'delete'])
  if (action === 'list') {
    const name = await readOnlyUser(rest)
    return { lines: name === null ? [] : [name], value: { readOnlyUser: name } }
  }
  if (action === 'delete') {
    await rest.delete('/settings/readOnlyUser')
    return success('read-only user removed')
  }
  await rest.post('/settings/readOnlyUser', {
    username: requiredText(options, 'roUsername'),
    password: requiredText(options, 'roPassword'),
  })
  return success('read-only user set')
}

const tokenSchema = z.object({ token: z.string() })

/** Nothing but the token is shown, for `HOLDFAST_PROXY_TOKEN=$(...)`. */
async function proxyToken({ rest, options }: CommandContext): Promise<Outcome> {
  const action = oneAction(options, ['show', 'create', 'delete'])
  if (action === 'show') return shown(await rest.get('/settings/proxies'))
  if (action === 'delete') {
    await rest.delete('/settings/proxies')
    return success('token of the proxies removed')
  }
  const value = tokenSchema.parse(await rest.post('/settings/proxies', {}))
  return { lines: [value.token], value }
}

async function readOnlyUser(rest: RestClient): Promise<string | null> {
  try {
    return String(await rest.get('/settings/readOnlyAdminName'))
  } catch (error) {
    if (error instanceof RestError && error.status === 404) return null
    throw error
  }
}

const logsSchema = z.object({
  list: z.array(
    z.looseObject({
      node: z.string().default(''),
      type: z.string().default('info'),
      tstamp: z.number().default(0),
      text: z.string().default(''),
    }),
  ),
})

export interface LogEntry {
  node: string
  type: string
  tstamp: number
  text: string
}

/** The cluster's log, oldest first. */
export async function readLogs(rest: RestClient, limit: number): Promise<LogEntry[]> {
  const { list } = logsSchema.parse(await rest.get(`/logs?limit=${limit}`))
  return [...list].sort((a, b) => a.tstamp - b.tstamp).slice(-limit)
}

async function logs({ rest, options }: CommandContext): Promise<Outcome> {
  const list = await readLogs(rest, numberOf(options, 'limit') ?? 0)
  const lines = list.map((entry) => {
    const time = new Date(entry.tstamp).toISOString()
    return `${time} ${entry.type} ${entry.node} ${entry.text}`
  })
  return { lines, value: list }
}

/** Settings as they are. */
function shown(value: unknown): Outcome {
  const entries = typeof value === 'object' && value !== null ? Object.entries(value) : []
  const lines = entries.map(([name, setting]) => {
    return ` ${name}: ${typeof setting === 'object' ? JSON.stringify(setting) : String(setting)}`
  })
  return { lines, value }
}
