import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { copyFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { connect } from 'node:tls'
import { freePort } from '@holdfast/client/testing'
import { pino } from 'pino'
import { NodeOptionError } from '../options.ts'
import { TlsListener } from './tls-listener.ts'

const HOST = '127.0.0.1'
const WAIT_MS_MAX = 20_000
const log = pino({ level: 'silent' })
let folder = ''

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-tls-'))
  for (const name of ['first', 'second']) makeCertificate(name)
})

after(() => rm(folder, { recursive: true, force: true }))

const fileOf = (name: string): string => join(folder, name)

function makeCertificate(name: string): void {
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
  const files = ['-keyout', fileOf(`${name}.key`), '-out', fileOf(`${name}.crt`)]
  const args = ['req', '-x509', ...curve, '-days', '2', '-subj', `/CN=${name}`, ...files]
  execFileSync('openssl', args, { stdio: 'ignore' })
}

function use(name: string): void {
  for (const end of ['crt', 'key']) copyFileSync(fileOf(`${name}.${end}`), fileOf(`used.${end}`))
}

/** Name in the certificate that the port shows. */
function nameAt(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: HOST, port, rejectUnauthorized: false }, () => {
      resolve(String(socket.getPeerCertificate().subject.CN))
      socket.destroy()
    })
    socket.on('error', reject)
  })
}

async function untilName(port: number, name: string): Promise<void> {
  const deadlineMs = performance.now() + WAIT_MS_MAX
  while ((await nameAt(port)) !== name) {
    if (performance.now() > deadlineMs) throw new Error(`${name} is not shown`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

async function listen(): Promise<{ listener: TlsListener; port: number }> {
  const port = await freePort()
  const options = { certFile: fileOf('used.crt'), keyFile: fileOf('used.key'), port }
  const serve = TlsListener.listen(options, HOST, (_request, response) => response.end('ok'), log)
  return { listener: await serve, port }
}

test('another certificate is shown after SIGHUP, and after its file has changed', async () => {
  use('first')
  const { listener, port } = await listen()
  try {
    assert.equal(await nameAt(port), 'first')
    use('second')
    process.emit('SIGHUP')
    await untilName(port, 'second')
    use('first')
    await untilName(port, 'first')
  } finally {
    await listener.close()
  }
})

test('a file that is no certificate leaves the old one in use', async () => {
  use('first')
  const { listener, port } = await listen()
  try {
    await writeFile(fileOf('used.crt'), 'nonsense')
    process.emit('SIGHUP')
    assert.equal(await nameAt(port), 'first')
    use('second')
    process.emit('SIGHUP')
    await untilName(port, 'second')
  } finally {
    await listener.close()
  }
})

test('at the start a file that cannot be used is an error that names it', async () => {
  const start = (certFile: string, keyFile: string): Promise<TlsListener> => {
    const options = { certFile: fileOf(certFile), keyFile: fileOf(keyFile), port: 1 }
    return TlsListener.listen(options, HOST, () => {}, log)
  }
  const refused = async (certFile: string, keyFile: string, message: RegExp) => {
    await assert.rejects(
      start(certFile, keyFile),
      (error) => error instanceof NodeOptionError && message.test(error.message),
    )
  }
  await writeFile(fileOf('bad.crt'), 'nonsense')
  await refused('none.crt', 'first.key', /^--tls-cert .*none\.crt: .*ENOENT/)
  await refused('bad.crt', 'first.key', /^--tls-cert .*bad\.crt: /)
  await refused('first.crt', 'none.key', /^--tls-key .*none\.key: .*ENOENT/)
  await refused('first.crt', 'second.key', /^--tls-key .*second\.key: .*mismatch/)
})
