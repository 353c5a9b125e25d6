/** The command line as a process: exit status, what is written where, passwords that `ps` cannot see. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'

const PROGRAM = fileURLToPath(new URL('../../bin/holdfast.js', import.meta.url))
const NOBODY = '127.0.0.1:1'

interface Asked {
  method: string
  url: string
  authorization: string
  body: string
}

let server: Server
let address = ''
const asked: Asked[] = []
const pool = {
  nodes: [
    { otpNode: 'ns_1@a', hostname: 'a:8091', status: 'healthy', clusterMembership: 'active' },
    {
      otpNode: 'ns_1@b',
      hostname: 'b:8091',
      status: 'healthy',
      clusterMembership: 'inactiveFailed',
    },
  ],
  rebalanceStatus: 'none',
}

before(async () => {
  server = createServer(async (request, response) => {
    asked.push({
      method: request.method ?? '',
      url: request.url ?? '',
      authorization: String(request.headers.authorization ?? ''),
      body: await bodyOf(request),
    })
    if (request.url === '/pools/default' && request.method === 'GET') {
      response.end(JSON.stringify(pool))
    } else if (request.url === '/pools/default/buckets') {
      response.statusCode = 400
      response.end('{"errors":{"name":"Bucket with given name already exists"}}')
    } else response.end()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const bound = server.address()
  address = typeof bound === 'object' && bound !== null ? `127.0.0.1:${bound.port}` : ''
})

after(() => server.close())

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of request) text += String(chunk)
  return text
}

async function holdfast(args: readonly string[], options: { input?: string; env?: object } = {}) {
  asked.length = 0
  const child = spawn(process.execPath, [PROGRAM, ...args], {
    env: { ...process.env, CB_CLUSTER: address, NO_COLOR: '1', ...options.env },
  })
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (chunk) => {
    stdout += String(chunk)
  })
  child.stderr.on('data', (chunk) => {
    stderr += String(chunk)
  })
  child.stdin.end(options.input ?? '')
  const [code] = await once(child, 'close')
  return { code: Number(code), stdout, stderr }
}

test('done is 0, refused is 1, wrong use is 2', async () => {
  assert.equal((await holdfast(['server-list'])).code, 0)
  assert.equal((await holdfast(['bucket-create', '--bucket', 'x'])).code, 1)
  assert.equal((await holdfast(['bucket-create'])).code, 2)
  assert.equal((await holdfast(['server-list', '-o', 'xml'])).code, 2)
  assert.equal((await holdfast(['bucket-flush', '--bucket', 'x'])).code, 2)
  assert.equal(asked.length, 0, 'wrong use asks nobody')
})

test('with --output json there is one value on stdout, or one error on stderr', async () => {
  const list = await holdfast(['server-list', '-o', 'json'])
  assert.equal(JSON.parse(list.stdout)[0].otpNode, 'ns_1@a')
  const refused = await holdfast(['bucket-create', '--bucket', 'x', '-o', 'json'])
  assert.equal(refused.stdout, '')
  assert.deepEqual(JSON.parse(refused.stderr), {
    status: 'error',
    command: 'bucket-create',
    message: 'name: Bucket with given name already exists',
    httpStatus: 400,
  })
})

test('a member that is not there is passed over, and all of them are named when none is', async () => {
  const list = await holdfast(['server-list', '-c', `${NOBODY},${address}`])
  assert.match(list.stdout, /^ns_1@a a:8091 healthy active$/m)
  const none = await holdfast(['server-list', '-c', `${NOBODY},127.0.0.1:2`])
  assert.equal(none.code, 1)
  assert.match(none.stderr, /cannot reach 127.0.0.1:1: .*cannot reach 127.0.0.1:2/)
})

test('the login comes from the environment, a file or standard input', async () => {
  const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`
  await holdfast(['server-list'], { env: { CB_REST_USERNAME: 'u', CB_REST_PASSWORD: 'p' } })
  assert.equal(asked[0]?.authorization, basic('u:p'))
  await holdfast(['server-list', '-u', 'v', '--password-file', '-'], { input: 'from stdin\n' })
  assert.equal(asked[0]?.authorization, basic('v:from stdin'))
  const twice = ['--password-file', '-', '--bucket-password-file', '-', '--bucket', 'x']
  const both = await holdfast(['bucket-create', '-u', 'v', ...twice], { input: 'x' })
  assert.equal(both.code, 2)
})

test("the names of 1.7's options mean the same", async () => {
  const old = ['--cluster-init-username', 'admin', '--cluster-init-password', 'secret1']
  const init = await holdfast(['cluster-init', ...old, '--no-default-bucket'])
  assert.equal(init.code, 0, init.stderr)
  assert.equal(asked[0]?.body, 'username=admin&password=secret1&port=SAME')
  await holdfast(['server-readd', '--server-add', 'b'])
  assert.deepEqual(asked.at(-1)?.body, 'otpNode=ns_1%40b')
})

test('--debug shows requests and no password', async () => {
  const args = ['setting-web', '-u', 'u', '-p', 'hidden', '-d', '--web-username', 'admin']
  const said = await holdfast([...args, '--web-password', 'hidden2'])
  assert.match(said.stderr, /debug: POST .*\/settings\/web -> 200/)
  assert.doesNotMatch(said.stderr, /hidden/)
})

test('completion knows commands, options and values', async () => {
  const commands = await holdfast(['complete', '--', 'bucket-'])
  assert.match(commands.stdout, /^bucket-create\b/m)
  const options = await holdfast(['complete', '--', 'bucket-create', '--bucket-r'])
  assert.match(options.stdout, /^--bucket-ramsize\b/m)
  const values = await holdfast(['complete', '--', 'bucket-create', '--bucket-type', ''])
  assert.match(values.stdout, /^memcached\b/m)
  for (const shell of ['bash', 'zsh', 'fish']) {
    const script = await holdfast(['complete', shell])
    assert.equal(script.code, 0, script.stderr)
    assert.match(script.stdout, /holdfast/)
  }
})
