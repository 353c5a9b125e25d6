/** What clients can get of an engine: one user, for data, that no admin command is open to. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Redis } from 'iovalkey'
import type { Bucket } from '../document/cluster-document.ts'
import { PROXY_HEADER } from '../rest/proxy-trust.ts'
import { publicRoutes } from '../rest/rest-server.ts'
import { LocalCluster } from '../test-support/local-cluster.ts'
import { ENGINE_DATA_USER } from './engine-config.ts'
import type { EngineControl } from './engine-control.ts'

/** By the user's rules, or for everybody by the engine's settings. */
const REFUSED = /NOPERM|command not allowed/
/** Of the commands that the engine calls dangerous, those that a bucket's user needs. */
const NEEDED_THOUGH_DANGEROUS = ['flushall']
const SHOP = `Basic ${Buffer.from('shop:shop-password').toString('base64')}`
const ADMIN_COMMANDS = [
  'CONFIG GET *',
  'CONFIG SET maxmemory 1',
  'CONFIG REWRITE',
  'KEYS *',
  'SCAN 0',
  'RANDOMKEY',
  'SHUTDOWN NOSAVE',
  'FAILOVER ABORT',
  'CLUSTER FAILOVER TAKEOVER',
  'CLUSTER RESET HARD',
  'CLUSTER FORGET x',
  'CLUSTER NODES',
  'REPLICAOF NO ONE',
  'ACL LIST',
  'ACL SETUSER x on nopass ~* +@all',
  'ACL WHOAMI',
  'DEBUG SLEEP 0',
  'MONITOR',
  'MODULE LIST',
  'MIGRATE 127.0.0.1 1 k 0 10',
  'SYNC',
  'PSYNC ? -1',
  'SAVE',
  'BGSAVE',
  'BGREWRITEAOF',
  'SWAPDB 0 1',
  'FLUSHDB',
  'EVAL return(1) 0',
  'SCRIPT FLUSH',
  'FUNCTION FLUSH',
  'FUNCTION LOAD x',
  'FUNCTION DUMP',
  'CLIENT KILL TYPE normal',
  'CLIENT LIST',
  'SLOWLOG GET',
  'INFO',
  'PUBLISH c m',
  'SUBSCRIBE c',
]

let cluster: LocalCluster
let bucket: Bucket
let control: EngineControl

before(async () => {
  cluster = await LocalCluster.start(1)
  const form = { name: 'shop', saslPassword: 'shop-password', replicaNumber: '0', shards: '1' }
  bucket = await cluster.makeBucket(form)
  control = (await cluster.primary(bucket, 0)).control
})

after(() => cluster?.stop())

/** The error of a command on a connection of its own; null when it is done. */
async function errorOf(login: { username?: string; password?: string }, command: string) {
  const [name = '', ...args] = command.split(' ')
  const { host, port } = control
  const client = new Redis({
    ...{ host, port, ...login, lazyConnect: true, enableReadyCheck: false },
    ...{ retryStrategy: () => null, maxRetriesPerRequest: 0 },
  })
  client.on('error', () => {})
  try {
    await client.connect()
    await client.call(name, ...args)
    return null
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  } finally {
    client.disconnect()
  }
}

const asData = (command: string) =>
  errorOf({ username: ENGINE_DATA_USER, password: bucket.engineDataPassword }, command)

test('an engine has two users, both with passwords, and nobody gets in without', async () => {
  const users = (await control.call('ACL', 'LIST')) as string[]
  assert.deepEqual(users.map((line) => line.split(' ')[1]).sort(), ['default', ENGINE_DATA_USER])
  assert.ok(users.every((line) => !line.includes('nopass')))
  assert.match((await errorOf({}, 'GET a')) ?? '', /NOAUTH/)
  const wrong = { username: 'default', password: bucket.engineDataPassword }
  assert.match((await errorOf(wrong, 'GET a')) ?? '', /WRONGPASS|NOAUTH/)
})

test('every admin command is refused to the user for data', async () => {
  assert.equal(await asData('GET a'), null)
  for (const command of ADMIN_COMMANDS) {
    assert.match((await asData(command)) ?? `${command} was done`, REFUSED, command)
  }
  assert.equal(await control.text('PING'), 'PONG')
})

test('so is whatever else this engine calls admin or dangerous', async () => {
  const inCategory = async (name: string) => (await control.call('ACL', 'CAT', name)) as string[]
  const risky = new Set([...(await inCategory('admin')), ...(await inCategory('dangerous'))])
  assert.ok(risky.size > 30)
  const open: string[] = []
  for (const command of risky) {
    if (NEEDED_THOUGH_DANGEROUS.includes(command)) continue
    const answer = await mayRun(command.split('|'))
    if (answer === 'OK') open.push(command)
  }
  assert.deepEqual(open, [])
})

/** What the engine says of the user and a command; commands with too few arguments are refused. */
async function mayRun(command: readonly string[]): Promise<string> {
  for (let args = 0; args < 6; args++) {
    const padding = Array.from({ length: args }, () => '1')
    const dryRun = ['DRYRUN', ENGINE_DATA_USER, ...command, ...padding]
    const answer = await control.text('ACL', ...dryRun).catch((error) => String(error))
    if (!/wrong number of arguments/i.test(answer)) return answer
  }
  return 'never had the right number of arguments'
}

test('an engine that was started with other rules gets these with its settings', async () => {
  await control.call('ACL', 'SETUSER', ENGINE_DATA_USER, '+function')
  assert.equal(await asData('FUNCTION LIST'), null)
  await cluster.post('/pools/default/buckets/shop', { ramQuotaMB: '120' })
  await cluster.until('it has them', async () =>
    REFUSED.test((await asData('FUNCTION LIST')) ?? ''),
  )
})

test('REST shows proxies the user for data, and nobody more of the secrets', async () => {
  const { document, selfMember } = cluster.node(1)
  const headers = { authorization: SHOP, [PROXY_HEADER]: '1' }
  let shown = ''
  for (const { method, path, streams } of publicRoutes) {
    if (method !== 'GET') continue
    const url = path.replaceAll(/:\w+/g, 'shop')
    const asBucket = await fetch(`http://${control.host}:${selfMember.restPort}${url}`, { headers })
    for (const answer of [asBucket, await cluster.request('GET', url)]) {
      shown += streams === true ? await firstConfig(answer) : await answer.text()
    }
  }
  assert.ok(shown.includes(ENGINE_DATA_USER))
  assert.ok(shown.includes(bucket.engineDataPassword))
  assert.ok(!shown.includes(bucket.engineAdminPassword))
  assert.ok(!shown.includes(document.secret))
})

/** What a stream shows up to the end of its first config, if it has one. */
async function firstConfig(answer: Response): Promise<string> {
  let text = ''
  const decoder = new TextDecoder()
  for await (const chunk of answer.body ?? []) {
    text += decoder.decode(chunk, { stream: true })
    if (text.includes('\n\n\n\n')) break
  }
  return text
}
