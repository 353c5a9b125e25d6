import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { type AddressInfo, createServer as createTcpServer } from 'node:net'
import { test } from 'node:test'
import { pino } from 'pino'
import { AlertSender, TRIES_MAX, type WebhookBody } from './alert-sender.ts'
import { type AlertSettings, readAlertForm, readAlertSettings } from './alert-settings.ts'
import { sendMail } from './mail.ts'

const log = pino({ level: 'silent' })
const ALERT: WebhookBody = {
  key: 'disk',
  about: 'n',
  text: 'nearly full',
  sinceMs: 5,
  node: 'ns_1@host',
  cluster: 'c',
}

/** Answers with the statuses in turn, then 200; gathers the bodies. */
async function webhookServer(statuses: number[]): Promise<{ server: Server; bodies: unknown[] }> {
  const bodies: unknown[] = []
  const server = createServer((request, response) => {
    let text = ''
    request.on('data', (chunk: Buffer) => {
      text += chunk.toString()
    })
    request.on('end', () => {
      bodies.push(JSON.parse(text))
      response.writeHead(statuses.shift() ?? 200).end()
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { server, bodies }
}

function senderTo(server: Server): AlertSender {
  const { port } = server.address() as AddressInfo
  const webhookUrl = `http://127.0.0.1:${port}/hook`
  const settings: AlertSettings = { ...readAlertSettings({}), webhookUrl }
  return new AlertSender({ settings: () => settings, log, retryMs: 1 })
}

async function untilSeen(bodies: readonly unknown[], count: number): Promise<void> {
  const deadlineMs = performance.now() + 10_000
  while (bodies.length < count && performance.now() < deadlineMs) {
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

test('an alert is posted as JSON, again when it was not taken', async () => {
  const { server, bodies } = await webhookServer([500])
  const sender = senderTo(server)
  sender.send(ALERT)
  await untilSeen(bodies, 2)
  await sender.close()
  server.close()
  assert.deepEqual(bodies, [ALERT, ALERT])
})

test('after a few tries an alert is given up and the next one is sent', async () => {
  const { server, bodies } = await webhookServer(Array.from({ length: TRIES_MAX }, () => 503))
  const sender = senderTo(server)
  sender.send(ALERT)
  sender.send({ ...ALERT, about: 'next' })
  await untilSeen(bodies, TRIES_MAX + 1)
  await sender.close()
  server.close()
  assert.equal(bodies.length, TRIES_MAX + 1)
  assert.deepEqual(bodies.at(-1), { ...ALERT, about: 'next' })
})

test('kinds that nobody asked for are not sent', async () => {
  const { server, bodies } = await webhookServer([])
  const { port } = server.address() as AddressInfo
  const settings = {
    ...readAlertSettings({}),
    alerts: ['ip'],
    webhookUrl: `http://127.0.0.1:${port}/`,
  }
  const sender = new AlertSender({ settings: () => settings, log, retryMs: 1 })
  sender.send(ALERT)
  sender.send({ ...ALERT, key: 'ip' })
  await untilSeen(bodies, 1)
  await sender.close()
  server.close()
  assert.deepEqual(bodies, [{ ...ALERT, key: 'ip' }])
})

test('a mail goes to the mail server of the settings', async () => {
  const lines: string[] = []
  const server = createTcpServer((socket) => {
    let inText = false
    socket.write('220 ready\r\n')
    socket.on('data', (chunk: Buffer) => {
      for (const line of chunk.toString().split('\r\n').slice(0, -1)) {
        lines.push(line)
        if (inText && line === '.') inText = false
        else if (inText) continue
        if (line === 'DATA') inText = true
        socket.write(
          line === 'DATA' ? '354 go on\r\n' : line === 'QUIT' ? '221 bye\r\n' : '250 ok\r\n',
        )
      }
    })
    socket.on('error', () => {})
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const read = readAlertForm(
    { emailHost: '127.0.0.1', emailPort: String(port), recipients: 'a@x.example,b@x.example' },
    readAlertSettings({}),
  )
  assert.ok('settings' in read)
  await sendMail(read.settings, { subject: 'Membase alert: disk', text: 'nearly full' })
  server.close()
  assert.ok(lines.includes('RCPT TO:<a@x.example>'))
  assert.ok(lines.includes('RCPT TO:<b@x.example>'))
  assert.ok(lines.includes('Subject: Membase alert: disk'))
  assert.ok(lines.includes('nearly full'))
})

test('a form is refused field by field', () => {
  const read = readAlertForm(
    {
      enabled: 'yes',
      sender: 'nobody',
      recipients: 'a@b.example,c',
      emailPort: '70000',
      alerts: 'disk,nonsense',
      webhookUrl: 'ftp://x',
    },
    readAlertSettings({}),
  )
  assert.ok('errors' in read)
  assert.deepEqual(Object.keys(read.errors).sort(), [
    'alerts',
    'emailPort',
    'enabled',
    'recipients',
    'sender',
    'webhookUrl',
  ])
})
