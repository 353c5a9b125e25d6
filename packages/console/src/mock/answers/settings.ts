/** Settings, users and the steps of the wizard, as the mock answers them. */
import type { AlertSettings, TlsSettings } from '../../rest/types.ts'
import { field, isCheckOnly, MockRefusal, type MockRequest, type MockRoute } from '../answer.ts'
import { ALERT_KINDS, newNode } from '../model.ts'
import type { MockCluster } from '../simulation.ts'

const QUOTA_MEGABYTES_MIN = 256
const QUOTA_MEGABYTES_MAX = 13_107

export const settingsRoutes: MockRoute[] = [
  {
    method: 'GET',
    path: '/settings/web',
    handle: ({ node }, { state }) => ({
      port: Number(node.hostname.split(':')[1]),
      username: state.isProvisioned ? state.admin.username : '',
      password: '',
    }),
  },
  { method: 'POST', path: '/settings/web', handle: setAdmin },
  { method: 'POST', path: '/pools/default', handle: setQuota },
  { method: 'POST', path: '/node/controller/doJoinCluster', handle: join },
  {
    method: 'GET',
    path: '/settings/readOnlyAdminName',
    handle: (_, { state }) => {
      if (!state.reader) throw new MockRefusal(404, '"no read-only user"')
      return state.reader.username
    },
  },
  { method: 'POST', path: '/settings/readOnlyUser', handle: setReader },
  { method: 'PUT', path: '/settings/readOnlyUser', handle: setReaderPassword },
  {
    method: 'DELETE',
    path: '/settings/readOnlyUser',
    handle: (_, { state }) => {
      if (!state.reader) throw new MockRefusal(404, '"no read-only user"')
      state.reader = null
    },
  },
  { method: 'GET', path: '/settings/autoFailover', handle: (_, { state }) => state.autoFailover },
  { method: 'POST', path: '/settings/autoFailover', handle: setAutoFailover },
  {
    method: 'POST',
    path: '/settings/autoFailover/resetCount',
    handle: (_, { state }) => {
      state.autoFailover.count = 0
    },
  },
  { method: 'GET', path: '/settings/alerts', handle: (_, { state }) => state.alertSettings },
  { method: 'POST', path: '/settings/alerts', handle: setAlerts },
  { method: 'POST', path: '/settings/alerts/testEmail', handle: testMail },
  {
    method: 'GET',
    path: '/settings/proxies',
    handle: (_, { state }) => ({ username: '@proxy', hasToken: state.hasProxyToken }),
  },
  {
    method: 'POST',
    path: '/settings/proxies',
    handle: (_, { state }) => {
      state.hasProxyToken = true
      return { username: '@proxy', token: 'a-token-of-the-mock' }
    },
  },
  {
    method: 'DELETE',
    path: '/settings/proxies',
    handle: (_, { state }) => {
      state.hasProxyToken = false
    },
  },
  { method: 'GET', path: '/settings/tls', handle: (_, cluster) => tls(cluster) },
]

function readPassword(request: MockRequest, errors: Record<string, string>): string {
  const password = field(request, 'password') ?? ''
  if (password.length < 6) errors.password = 'The password must be at least six characters.'
  return password
}

function setAdmin(request: MockRequest, cluster: MockCluster): object {
  const username = field(request, 'username') ?? ''
  const password = field(request, 'password') ?? ''
  const errors: string[] = []
  if (username === '' || username.includes(':')) errors.push('Username must not be empty')
  if (password.length < 6) errors.push('The password must be at least six characters.')
  if (errors.length > 0) throw new MockRefusal(400, errors)
  cluster.state.admin = { username, password }
  cluster.state.isProvisioned = true
  return { newBaseUri: `http://${request.node.hostname}/` }
}

function setQuota(request: MockRequest, { state }: MockCluster): void {
  const megabytes = Number(field(request, 'memoryQuota'))
  const range = `Quota must be between ${QUOTA_MEGABYTES_MIN} MB and ${QUOTA_MEGABYTES_MAX} MB (80% of memory size).`
  if (!Number.isInteger(megabytes)) {
    throw new MockRefusal(400, ['The RAM Quota value must be a number.'])
  }
  if (megabytes < QUOTA_MEGABYTES_MIN) {
    throw new MockRefusal(400, [`The RAM Quota value is too small. ${range}`])
  }
  if (megabytes > QUOTA_MEGABYTES_MAX) {
    throw new MockRefusal(400, [`The RAM Quota value is too large. ${range}`])
  }
  const given = state.buckets.reduce((sum, b) => sum + b.ramMegabytes, 0)
  if (megabytes < given) {
    throw new MockRefusal(400, [`The RAM Quota value is too small. The buckets have ${given} MB.`])
  }
  state.memoryQuota = megabytes
}

function join(request: MockRequest, cluster: MockCluster): void {
  const host = field(request, 'clusterMemberHostIp') ?? ''
  const port = field(request, 'clusterMemberPort') ?? '8091'
  if (host === '')
    throw new MockRefusal(400, ['Missing or invalid clusterMemberHostIp: a host name.'])
  if (field(request, 'password') !== 'holdfast') {
    const text = `Authentication failed at ${host}:${port}: user or password is wrong.`
    throw new MockRefusal(400, [text])
  }
  const { state } = cluster
  state.isProvisioned = true
  const [own] = state.nodes
  if (own) own.membership = 'inactiveAdded'
  state.nodes.unshift(newNode(9, `${host}:${port}`, cluster.nowMs))
}

function setReader(request: MockRequest, { state }: MockCluster): object {
  const errors: Record<string, string> = {}
  const username = field(request, 'username') ?? ''
  if (username === '' || /[:\s\\/()<>@,;"[\]]/.test(username)) {
    errors.username = 'The username must not be empty, nor contain spaces or any of ()<>@,;:\\"/[]'
  } else if (username === state.admin.username) {
    errors.username = 'Read-only user cannot be same user as administrator.'
  }
  const password = readPassword(request, errors)
  if (Object.keys(errors).length > 0) throw new MockRefusal(400, { errors })
  if (!isCheckOnly(request)) state.reader = { username, password }
  return { errors: {} }
}

function setReaderPassword(request: MockRequest, { state }: MockCluster): void {
  if (!state.reader) throw new MockRefusal(404, '"no read-only user"')
  const errors: Record<string, string> = {}
  const password = readPassword(request, errors)
  if (errors.password) throw new MockRefusal(400, { errors })
  state.reader.password = password
}

function setAutoFailover(request: MockRequest, { state }: MockCluster): object {
  const { autoFailover } = state
  const errors: Record<string, string> = {}
  const timeout = Number(field(request, 'timeout') ?? autoFailover.timeout)
  const maxCount = Number(field(request, 'maxCount') ?? autoFailover.maxCount)
  if (!(timeout >= 0.3 && timeout <= 3600)) {
    errors.timeout =
      'The value of "timeout" must be a positive number bigger or equal to 0.3 and not bigger than 3600'
  }
  if (!(Number.isInteger(maxCount) && maxCount >= 1 && maxCount <= 100)) {
    errors.maxCount = 'The value of "maxCount" must be a positive integer up to 100'
  }
  if (isCheckOnly(request)) {
    return { errors: Object.keys(errors).length > 0 ? errors : null }
  }
  if (Object.keys(errors).length > 0) {
    throw new MockRefusal(400, Object.values(errors).join('\n'))
  }
  const enabled = (field(request, 'enabled') ?? String(autoFailover.enabled)) === 'true'
  Object.assign(autoFailover, { timeout, maxCount, enabled })
  return {}
}

function readAlerts(request: MockRequest, before: AlertSettings): AlertSettings {
  const errors: Record<string, string> = {}
  const text = (name: string, standard: string): string => field(request, name) ?? standard
  const list = (value: string): string[] =>
    value
      .split(',')
      .map((one) => one.trim())
      .filter((one) => one !== '')
  const port = Number(text('emailPort', String(before.emailServer.port)))
  if (!(port >= 1 && port <= 65_535)) {
    errors.emailPort = 'emailPort must be a positive integer less than 65536'
  }
  const sender = text('sender', before.sender)
  if (!sender.includes('@')) errors.sender = 'sender must be a valid email address'
  const recipients = list(text('recipients', before.recipients.join(',')))
  if (!recipients.every((one) => one.includes('@'))) {
    errors.recipients = 'recipients must be a comma separated list of valid email addresses'
  }
  const alerts = list(text('alerts', before.alerts.join(',')))
  if (!alerts.every((one) => ALERT_KINDS.includes(one))) {
    errors.alerts = `alerts contained invalid keys. Valid keys are: ${ALERT_KINDS.join(', ')}`
  }
  const webhookUrl = text('webhookUrl', before.webhookUrl)
  if (webhookUrl !== '' && !/^https?:/.test(webhookUrl)) {
    errors.webhookUrl = 'webhookUrl must be an http or https address'
  }
  if (Object.keys(errors).length > 0) throw new MockRefusal(400, { errors })
  return {
    enabled: text('enabled', String(before.enabled)) === 'true',
    sender,
    recipients,
    emailServer: {
      user: text('emailUser', before.emailServer.user),
      pass: '',
      host: text('emailHost', before.emailServer.host),
      port,
      encrypt: text('emailEncrypt', String(before.emailServer.encrypt)) === 'true',
    },
    alerts,
    webhookUrl,
  }
}

function setAlerts(request: MockRequest, { state }: MockCluster): object {
  const settings = readAlerts(request, state.alertSettings)
  if (!isCheckOnly(request)) state.alertSettings = settings
  return { errors: {} }
}

function testMail(request: MockRequest, { state }: MockCluster): void {
  const { emailServer } = readAlerts(request, state.alertSettings)
  if (emailServer.host !== 'localhost') return
  const error = "Couldn't send email: connect ECONNREFUSED 127.0.0.1:25"
  throw new MockRefusal(400, { error })
}

function tls({ state, nowMs }: MockCluster): TlsSettings {
  if (!state.tls) {
    const none = { port: null, subject: null, issuer: null, validTo: null, daysLeft: null }
    return { enabled: false, ...none }
  }
  return {
    enabled: true,
    port: 18_091,
    subject: 'CN=store.example',
    issuer: 'CN=Example CA',
    validTo: new Date(nowMs + 61 * 86_400_000).toISOString(),
    daysLeft: 61,
  }
}
