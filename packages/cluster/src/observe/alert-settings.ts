/**
 * Settings of alerts: who is told, and of what. They live in the cluster document under `alerts`;
 * the form that changes them has the original's fields and messages. Pure.
 */
import { z } from 'zod'
import { field, numberField } from '../rest/route.ts'

/** Kinds of alerts: `about` for the reference. Those of the original keep its names. */
export const ALERT_KINDS = {
  auto_failover_node: 'a node was failed over automatically',
  auto_failover_maximum_reached: 'no automatic failover: as many as allowed have happened',
  auto_failover_other_nodes_down: 'no automatic failover: too many nodes are down at once',
  auto_failover_cluster_too_small: 'no automatic failover: no majority of members is left',
  auto_failover_no_copy: 'no automatic failover: no copy that has every acknowledged write',
  auto_failover_disabled: 'no automatic failover: it is switched off',
  ip: 'the address of a node is gone from its machine',
  disk: 'the disk of a node is more than 90 % full',
  memory: 'engines of a node take more memory than their quota, or waste it',
  ep_oom_errors: 'a bucket is full and refuses writes',
  write_failed: 'an engine cannot write to its disk',
  engine: 'an engine cannot start or does not answer',
  degraded: 'a bucket has fewer copies than it should have',
  unavailable: 'a part of a bucket has no copy that serves',
  clock_skew: 'clocks of members differ',
} as const

export type AlertKey = keyof typeof ALERT_KINDS

export const ALERT_KEYS: readonly string[] = Object.keys(ALERT_KINDS)

const SENDER = 'holdfast@localhost'
const ADDRESS = /^[^\s@,;<>"]+@[^\s@,;<>"]+$/
const RECIPIENTS_MAX = 100

export interface AlertSettings {
  enabled: boolean
  sender: string
  recipients: string[]
  emailServer: { user: string; pass: string; host: string; port: number; encrypt: boolean }
  /** Kinds that are mailed and posted. */
  alerts: string[]
  /** Alerts are posted there as JSON; empty for nowhere. */
  webhookUrl: string
}

const settingsSchema = z.object({
  enabled: z.boolean().default(false),
  sender: z.string().default(SENDER),
  recipients: z.array(z.string()).default(['root@localhost']),
  emailServer: z
    .object({
      user: z.string(),
      pass: z.string(),
      host: z.string(),
      port: z.number().int(),
      encrypt: z.boolean(),
    })
    .default({ user: '', pass: '', host: 'localhost', port: 25, encrypt: false }),
  alerts: z.array(z.string()).default([...ALERT_KEYS]),
  webhookUrl: z.string().default(''),
})

/** What the document says; what cannot be read is as if never set. */
export function readAlertSettings(settings: Record<string, unknown>): AlertSettings {
  const result = settingsSchema.safeParse(settings.alerts ?? {})
  return result.success ? result.data : settingsSchema.parse({})
}

/** The form of `POST /settings/alerts`: settings, or errors by field. Absent fields stay. */
export function readAlertForm(
  body: Record<string, unknown>,
  before: AlertSettings,
): { settings: AlertSettings } | { errors: Record<string, string> } {
  const errors: Record<string, string> = {}
  const flag = (name: string, standard: boolean): boolean => {
    const text = field(body, name)
    if (text !== undefined && text !== 'true' && text !== 'false') {
      errors[name] = `${name} must be either true or false`
    }
    return text === undefined ? standard : text === 'true'
  }
  const port = numberField(body, 'emailPort') ?? before.emailServer.port
  if (!(port >= 1 && port <= 65_535)) {
    errors.emailPort = 'emailPort must be a positive integer less than 65536'
  }
  const sender = field(body, 'sender') ?? before.sender
  if (!ADDRESS.test(sender)) errors.sender = 'sender must be a valid email address'
  const recipients = list(field(body, 'recipients')) ?? before.recipients
  if (recipients.length > RECIPIENTS_MAX || !recipients.every((one) => ADDRESS.test(one))) {
    errors.recipients = 'recipients must be a comma separated list of valid email addresses'
  }
  const alerts = list(field(body, 'alerts')) ?? before.alerts
  if (!alerts.every((key) => ALERT_KEYS.includes(key))) {
    errors.alerts = `alerts contained invalid keys. Valid keys are: ${ALERT_KEYS.join(', ')}`
  }
  const webhookUrl = field(body, 'webhookUrl') ?? before.webhookUrl
  if (webhookUrl !== '' && !isWebAddress(webhookUrl)) {
    errors.webhookUrl = 'webhookUrl must be an http or https address'
  }
  const settings = {
    enabled: flag('enabled', before.enabled),
    sender,
    recipients,
    emailServer: {
      user: field(body, 'emailUser') ?? before.emailServer.user,
      pass: field(body, 'emailPass') ?? before.emailServer.pass,
      host: field(body, 'emailHost') ?? before.emailServer.host,
      port,
      encrypt: flag('emailEncrypt', before.emailServer.encrypt),
    },
    alerts,
    webhookUrl,
  }
  return Object.keys(errors).length > 0 ? { errors } : { settings }
}

/** Settings as they are shown: without the password. */
export function alertSettingsView(settings: AlertSettings): Record<string, unknown> {
  return { ...settings, emailServer: { ...settings.emailServer, pass: '' } }
}

function list(text: string | undefined): string[] | undefined {
  return text
    ?.split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
}

function isWebAddress(text: string): boolean {
  const url = URL.parse(text)
  return url !== null && (url.protocol === 'http:' || url.protocol === 'https:')
}
