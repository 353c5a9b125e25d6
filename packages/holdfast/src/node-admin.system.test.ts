/** The first admin of a node, given when it starts; a node that others can reach is never open. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Daemon } from './picture/daemon.ts'
import { PortPlan } from './picture/ports.ts'

const HOLDFAST = fileURLToPath(new URL('../bin/holdfast.js', import.meta.url))
const FIRST = 'first-secret'
const SECOND = 'second-secret'
const THIRD = 'third-secret'
const UNAUTHORIZED = /401|nauthorized|credentials/

interface Ended {
  code: number
  stdout: string
  stderr: string
}

/** Runs a command to its end. */
async function holdfast(args: string[], env: NodeJS.ProcessEnv = {}): Promise<Ended> {
  try {
    const options = { env: { ...process.env, ...env }, timeout: 30_000 }
    const said = await promisify(execFile)(process.execPath, [HOLDFAST, ...args], options)
    return { code: 0, ...said }
  } catch (error) {
    const { code, stdout, stderr } = error as Ended
    return { code, stdout, stderr }
  }
}

describe('the first admin of a node', () => {
  let folder: string
  let ports: PortPlan
  const nodes: Daemon[] = []

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'holdfast-node-admin-'))
    ports = new PortPlan()
  })

  after(async () => {
    await Promise.all(nodes.map((node) => node.stop()))
    await rm(folder, { recursive: true, force: true })
  })

  async function startNode(
    name: string,
    given: { args?: string[]; env?: NodeJS.ProcessEnv },
  ): Promise<{ address: string; daemon: Daemon; again: () => Promise<Daemon> }> {
    const port = await ports.port()
    const engines = await ports.engineRange(10)
    const own = [
      ...[HOLDFAST, 'node', '--data', join(folder, name), '--port', String(port)],
      ...['--gateway-port', String(await ports.port()), '--data-port', String(await ports.port())],
      ...['--engine-ports', `${engines.from}-${engines.to}`],
    ]
    const start = async (more: string[], env: NodeJS.ProcessEnv): Promise<Daemon> => {
      const daemon = await Daemon.start({
        name,
        command: process.execPath,
        args: [...own, ...more],
        logPath: join(folder, `${name}.log`),
        readyLine: /^holdfast node ready /,
        env: { ...process.env, ...env },
      })
      nodes.push(daemon)
      return daemon
    }
    const daemon = await start(given.args ?? [], given.env ?? {})
    return { address: `127.0.0.1:${port}`, daemon, again: () => start([], {}) }
  }

  test('a node that others could reach does not start without one, and says both ways', async () => {
    const data = join(folder, 'open')
    const { code, stderr } = await holdfast(['node', '--data', data, '--host', '0.0.0.0'])
    assert.notEqual(code, 0)
    assert.match(stderr, /--admin-password-file/)
    assert.match(stderr, /HOLDFAST_ADMIN_PASSWORD/)
    await assert.rejects(stat(join(data, 'cluster.json')), { code: 'ENOENT' })
  })

  test('given in a file or in the environment it is asked for by cluster-init and join', async () => {
    const file = join(folder, 'password')
    await writeFile(file, `${FIRST}\n`, { mode: 0o600 })
    const one = await startNode('one', { args: ['--admin', 'root', '--admin-password-file', file] })
    const two = await startNode('two', { env: { HOLDFAST_ADMIN_PASSWORD: SECOND } })

    const init = ['cluster-init', '-c', one.address, '--no-default-bucket']
    const change = ['--cluster-username', 'root', '--cluster-password', THIRD]
    const refused = await holdfast([...init, ...change])
    assert.notEqual(refused.code, 0)
    assert.match(refused.stderr, UNAUTHORIZED)
    const kept = await holdfast([...init, '-u', 'root', '-p', FIRST])
    assert.equal(kept.code, 0, kept.stderr)
    const changed = await holdfast([...init, '-u', 'root', '-p', FIRST, ...change])
    assert.equal(changed.code, 0, changed.stderr)

    const add = ['server-add', '-c', one.address, '-u', 'root', '-p', THIRD]
    const joinee = ['--server-add', two.address, '--server-add-username', 'Administrator']
    const wrong = await holdfast([...add, ...joinee, '--server-add-password', THIRD])
    assert.notEqual(wrong.code, 0)
    assert.match(wrong.stderr, /Authentication failed/)
    const joined = await holdfast([...add, ...joinee, '--server-add-password', SECOND])
    assert.equal(joined.code, 0, joined.stderr)

    const stored = await readFile(join(folder, 'one', 'cluster.json'), 'utf8')
    const logs = await Promise.all(
      ['one.log', 'two.log'].map((name) => readFile(join(folder, name), 'utf8')),
    )
    for (const password of [FIRST, SECOND, THIRD]) {
      assert.ok(!stored.includes(password), 'only a hash is on disk')
      assert.ok(!logs.join('').includes(password), 'no log has it')
    }
    assert.equal((await stat(join(folder, 'one', 'cluster.json'))).mode & 0o077, 0)
  })

  test('one command makes a cluster of several nodes, all of them in use', async () => {
    const first = await startNode('init-one', { env: { HOLDFAST_ADMIN_PASSWORD: FIRST } })
    const other = await startNode('init-two', { env: { HOLDFAST_ADMIN_PASSWORD: SECOND } })
    const login = ['-c', first.address, '-u', 'Administrator', '-p', FIRST]
    const joinee = ['--server-add', other.address, '--server-add-username', 'Administrator']
    const init = ['cluster-init', ...login, '--no-default-bucket', ...joinee]
    const made = await holdfast([...init, '--server-add-password', SECOND])
    assert.equal(made.code, 0, made.stderr)
    const list = await holdfast(['server-list', ...login])
    assert.equal(list.stdout.match(/ active$/gm)?.length, 2, list.stdout)
  })

  test('later starts need no password, and one that is given changes nothing', async () => {
    const three = await startNode('three', { env: { HOLDFAST_ADMIN_PASSWORD: FIRST } })
    const statusWith = async (password: string): Promise<number> => {
      const login = Buffer.from(`Administrator:${password}`).toString('base64')
      const headers = { authorization: `Basic ${login}` }
      return (await fetch(`http://${three.address}/settings/web`, { headers })).status
    }
    assert.equal(await statusWith(FIRST), 200)
    assert.equal(await statusWith(SECOND), 401)
    await three.daemon.stop()
    await three.again()
    assert.equal(await statusWith(FIRST), 200)
    assert.equal(await statusWith(SECOND), 401)
  })

  test('secrets are in two kinds of files, for their owner only, and in no log', async () => {
    const env = { HOLDFAST_ADMIN_PASSWORD: FIRST, HOLDFAST_LOG_LEVEL: 'trace' }
    const four = await startNode('four', { env })
    const login = ['-c', four.address, '-u', 'Administrator', '-p', FIRST]
    const bucket = ['--bucket', 'shop', '--bucket-password', THIRD, '--bucket-replica', '0']
    const made = await holdfast(['bucket-create', ...login, ...bucket, '--bucket-shards', '1'])
    assert.equal(made.code, 0, made.stderr)
    await holdfast(['server-list', '-c', four.address, '-u', 'Administrator', '-p', SECOND])

    const document = JSON.parse(await readFile(join(folder, 'four', 'cluster.json'), 'utf8'))
    const [shop] = document.document.buckets
    const secrets = [
      ...[FIRST, SECOND, THIRD, document.document.secret],
      ...[shop.engineAdminPassword, shop.engineDataPassword],
    ]
    for (const secret of secrets) assert.ok(typeof secret === 'string' && secret.length > 5)
    const holding = new Set<string>()
    for (const path of await filesUnder(join(folder, 'four'))) {
      const text = await readFile(path, 'latin1')
      if (!secrets.some((secret) => text.includes(secret))) continue
      holding.add(basename(path))
      assert.equal((await stat(path)).mode & 0o077, 0, path)
    }
    assert.deepEqual([...holding].sort(), ['cluster.json', 'engine.conf'])
    const log = await readFile(join(folder, 'four.log'), 'utf8')
    assert.match(log, /wrong logins/)
    for (const secret of secrets) assert.ok(!log.includes(secret))
  })
})

async function filesUnder(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true })
  return entries.filter((e) => e.isFile()).map((e) => join(e.parentPath, e.name))
}
