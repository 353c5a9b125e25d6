/** Routes of the cluster's settings: users, reports, alerts. */
import { z } from 'zod'
import { makeLogin } from '../document/bucket-login.ts'
import type { StoredUser } from '../document/cluster-document.ts'
import {
  ALERT_KEYS,
  alertSettingsView,
  readAlertForm,
  readAlertSettings,
} from '../observe/alert-settings.ts'
import { sendMail } from '../observe/mail.ts'
import { errorsSchema, messagesSchema } from './answers.ts'
import { tlsSchema } from './answers-console.ts'
import { ApiError } from './api-error.ts'
import { sourceFor } from './config-stream.ts'
import { hashPassword } from './credentials.ts'
import { type Answer, field, inForm, inQuery, type Route, type RouteContext } from './route.ts'
import { proxyRoutes } from './routes-proxies.ts'
import { tlsView } from './tls-view.ts'
import { restAddressOf } from './views.ts'

const PASSWORD_LENGTH_MIN = 6
const NAME_LENGTH_MAX = 128
const PORT_SAME = 'SAME'

const MESSAGES: Answer = { about: 'What is wrong.', schema: messagesSchema }
const ERRORS: Answer = { about: 'What is wrong, by field.', schema: errorsSchema }
const DONE: Answer = { about: 'Done.' }
const JUST_VALIDATE = inQuery('just_validate', 'string', 'Check the form and change nothing.', {
  values: ['1'],
})
const USER = [
  inForm('username', 'string', 'Name: without a colon.', { required: true }),
  inForm('password', 'string', '6 characters or more.', { required: true }),
]
const ALERTS = [
  inForm('enabled', 'boolean', 'Whether mails are sent.'),
  inForm('sender', 'string', 'Address that mails come from.'),
  inForm('recipients', 'string', 'Addresses, separated by commas.'),
  inForm('emailHost', 'string', 'Mail server.'),
  inForm('emailPort', 'integer', 'Its port.', { minimum: 1, maximum: 65_535 }),
  inForm('emailEncrypt', 'boolean', 'Whether the connection must be encrypted.'),
  inForm('emailUser', 'string', 'User at the mail server; empty for none.'),
  inForm('emailPass', 'string', 'Password there.'),
  inForm('alerts', 'string', `Kinds to tell, separated by commas: ${ALERT_KEYS.join(', ')}.`),
  inForm('webhookUrl', 'string', 'Alerts are posted there as JSON; empty for nowhere.'),
]

const webSchema = z.object({
  port: z.number().int(),
  username: z.string(),
  password: z.string().describe('always empty'),
})
const statsSettingSchema = z.object({ sendStats: z.boolean() })
const alertsSchema = z.object({
  enabled: z.boolean(),
  sender: z.string(),
  recipients: z.array(z.string()),
  emailServer: z.object({
    user: z.string(),
    pass: z.string().describe('always empty'),
    host: z.string(),
    port: z.number().int(),
    encrypt: z.boolean(),
  }),
  alerts: z.array(z.string()),
  webhookUrl: z.string(),
})

export const settingsRoutes: Route[] = [
  {
    method: 'GET',
    path: '/settings/web',
    access: 'admin',
    summary: 'REST port and name of the admin; the password is never shown.',
    answers: { 200: { about: 'The settings.', schema: webSchema } },
    handle: ({ node }) => ({
      port: node.selfMember.restPort,
      username: node.document.admin?.username ?? '',
      password: '',
    }),
  },
  {
    method: 'POST',
    path: '/settings/web',
    access: 'admin',
    leader: true,
    summary: 'Sets the admin: username, password (6 or more characters), port=SAME.',
    parameters: [inForm('port', 'string', 'SAME, or the port that the node has.'), ...USER],
    answers: {
      200: { about: 'Where to go on.', schema: z.object({ newBaseUri: z.string() }) },
      400: MESSAGES,
    },
    handle: setAdmin,
  },
  {
    method: 'GET',
    path: '/settings/readOnlyAdminName',
    access: 'admin',
    summary: 'Name of the read-only user.',
    answers: {
      200: { about: 'The name.', schema: z.string() },
      404: { about: 'There is none.', schema: z.string() },
    },
    handle: ({ node, reply }) => {
      const name = node.document.readOnlyUser?.username
      if (name === undefined) throw new ApiError(404, '"no read-only user"')
      reply.type('application/json')
      return JSON.stringify(name)
    },
  },
  {
    method: 'POST',
    path: '/settings/readOnlyUser',
    access: 'admin',
    leader: true,
    summary: 'Sets the read-only user, who may look at everything and change nothing.',
    parameters: [...USER, JUST_VALIDATE],
    answers: { 200: DONE, 400: ERRORS },
    handle: setReadOnlyUser,
  },
  {
    method: 'PUT',
    path: '/settings/readOnlyUser',
    access: 'admin',
    leader: true,
    summary: 'Gives the read-only user another password.',
    parameters: [inForm('password', 'string', '6 characters or more.', { required: true })],
    answers: { 200: DONE, 400: ERRORS, 404: { about: 'There is no read-only user.' } },
    handle: changeReadOnlyPassword,
  },
  {
    method: 'DELETE',
    path: '/settings/readOnlyUser',
    access: 'admin',
    leader: true,
    summary: 'Removes the read-only user.',
    answers: { 200: DONE, 404: { about: 'There is no read-only user.' } },
    handle: async ({ node }) => {
      await node.change((draft) => {
        requireReadOnlyUser(draft.readOnlyUser)
        draft.readOnlyUser = null
      })
      return ''
    },
  },
  {
    method: 'GET',
    path: '/settings/tls',
    access: 'admin',
    summary: 'TLS of this node: its port and its certificate, and for how long that is good.',
    answers: { 200: { about: 'The certificate; null without TLS.', schema: tlsSchema } },
    handle: ({ node }) => tlsView(node.tlsPort, node.tlsCertificate, Date.now()),
  },
  {
    method: 'GET',
    path: '/settings/stats',
    access: 'admin',
    summary: 'Whether a console may report its version to the makers; nothing is ever sent.',
    answers: { 200: { about: 'The setting.', schema: statsSettingSchema } },
    handle: ({ node }) => ({ sendStats: readSendStats(node.document.settings) }),
  },
  {
    method: 'POST',
    path: '/settings/stats',
    access: 'admin',
    leader: true,
    summary: 'Sets sendStats.',
    parameters: [inForm('sendStats', 'boolean', 'The setting.', { required: true })],
    answers: { 200: DONE, 400: MESSAGES },
    handle: async ({ node, body }) => {
      const text = field(body, 'sendStats')
      if (text !== 'true' && text !== 'false') {
        throw new ApiError(400, ['The value of "sendStats" must be true or false.'])
      }
      await node.change((draft) => {
        draft.settings.stats = { sendStats: text === 'true' }
      })
      return ''
    },
  },
  {
    method: 'GET',
    path: '/settings/alerts',
    access: 'admin',
    summary: 'Who is told of what; the password is never shown.',
    answers: { 200: { about: 'The settings.', schema: alertsSchema } },
    handle: ({ node }) => alertSettingsView(readAlertSettings(node.document.settings)),
  },
  {
    method: 'POST',
    path: '/settings/alerts',
    access: 'admin',
    leader: true,
    summary: 'Sets who is told of what; fields that are left out stay.',
    parameters: [...ALERTS, JUST_VALIDATE],
    answers: { 200: DONE, 400: ERRORS },
    handle: setAlerts,
  },
  {
    method: 'POST',
    path: '/settings/alerts/testEmail',
    access: 'admin',
    summary: 'Sends a mail with the settings of the form, or those that are set.',
    parameters: [
      ...ALERTS,
      inForm('subject', 'string', 'Subject of the mail.'),
      inForm('body', 'string', 'Text of the mail.'),
    ],
    answers: {
      200: { about: 'The mail server has taken it.' },
      400: { about: 'What is wrong, by field, or `{"error": "Couldn\'t send email: ..."}`.' },
    },
    handle: sendTestMail,
  },
  ...proxyRoutes,
]

async function setAdmin(context: RouteContext): Promise<unknown> {
  const { node, body } = context
  const port = field(body, 'port') ?? PORT_SAME
  const username = field(body, 'username') ?? ''
  const password = field(body, 'password') ?? ''
  const errors: string[] = []
  if (port !== PORT_SAME && port !== String(node.selfMember.restPort)) {
    errors.push('Port cannot be changed: it is set with --port when the node starts.')
  }
  if (username === '' || username.includes(':') || username.length > NAME_LENGTH_MAX) {
    errors.push('Username must not be empty')
  }
  if (password.length < PASSWORD_LENGTH_MIN) {
    errors.push('The password must be at least six characters.')
  }
  if (errors.length > 0) throw new ApiError(400, errors)
  const login = await makeLogin(password)
  await node.change((draft) => {
    draft.admin = { username, ...login }
  })
  return { newBaseUri: `http://${restAddressOf(sourceFor(context), node.selfMember)}/` }
}

async function setReadOnlyUser({ node, body, query }: RouteContext): Promise<unknown> {
  const username = field(body, 'username') ?? ''
  const errors: Record<string, string> = {}
  if (
    username === '' ||
    username.length > NAME_LENGTH_MAX ||
    /[:\s\\/()<>@,;"[\]]/.test(username)
  ) {
    errors.username = 'The username must not be empty, nor contain spaces or any of ()<>@,;:\\"/[]'
  } else if (username === node.document.admin?.username) {
    errors.username = 'Read-only user cannot be same user as administrator.'
  }
  const password = readPassword(body, errors)
  if (Object.keys(errors).length > 0) throw new ApiError(400, { errors })
  if (query.just_validate === '1') return { errors: {} }
  const passwordHash = await hashPassword(password)
  await node.change((draft) => {
    draft.readOnlyUser = { username, passwordHash }
  })
  return ''
}

async function changeReadOnlyPassword({ node, body }: RouteContext): Promise<unknown> {
  requireReadOnlyUser(node.document.readOnlyUser)
  const errors: Record<string, string> = {}
  const password = readPassword(body, errors)
  if (errors.password !== undefined) throw new ApiError(400, { errors })
  const passwordHash = await hashPassword(password)
  await node.change((draft) => {
    const { username } = requireReadOnlyUser(draft.readOnlyUser)
    draft.readOnlyUser = { username, passwordHash }
  })
  return ''
}

function readPassword(body: Record<string, unknown>, errors: Record<string, string>): string {
  const password = field(body, 'password') ?? ''
  if (password.length < PASSWORD_LENGTH_MIN) {
    errors.password = 'The password must be at least six characters.'
  }
  return password
}

function requireReadOnlyUser(user: StoredUser | null): StoredUser {
  if (user === null) throw new ApiError(404, '"no read-only user"')
  return user
}

function readSendStats(settings: Record<string, unknown>): boolean {
  const result = statsSettingSchema.safeParse(settings.stats)
  return result.success && result.data.sendStats
}

async function setAlerts({ node, body, query }: RouteContext): Promise<unknown> {
  const read = readAlertForm(body, readAlertSettings(node.document.settings))
  if ('errors' in read) throw new ApiError(400, read)
  if (query.just_validate === '1') return { errors: {} }
  await node.change((draft) => {
    const again = readAlertForm(body, readAlertSettings(draft.settings))
    if ('settings' in again) draft.settings.alerts = again.settings
  })
  return ''
}

async function sendTestMail({ node, body }: RouteContext): Promise<unknown> {
  const read = readAlertForm(body, readAlertSettings(node.document.settings))
  if ('errors' in read) throw new ApiError(400, read)
  const subject = field(body, 'subject') ?? 'Test email from Holdfast'
  const text = field(body, 'body') ?? 'This email was sent to you to test the email alert settings.'
  try {
    await sendMail(read.settings, { subject, text })
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new ApiError(400, { error: `Couldn't send email: ${reason}` }, { cause })
  }
  return ''
}
