// The official Couchbase SDK against the vBucket ports of a store of three nodes.
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { test } from 'node:test'
import {
  type LocalStore,
  STORE_PASSWORD,
  STORE_USER,
} from '../packages/holdfast/src/picture/local-store.ts'
import { VBucketClient } from '../packages/proxy/src/testing/vbucket-client.ts'
import { missing, onStage, projectRoot } from './harness/stage.ts'
import { until } from './harness/until.ts'

const PROGRAM = join(projectRoot, 'e2e', 'harness', 'couchbase-program.ts')
const BUCKET = 'shop'
const PASSWORD = 'secret'
const SASL_AUTH = 0x21
const WRITES = 200
const READY_TIMEOUT_MS = 30_000
const PROGRAM_TIMEOUT_MS = 180_000

/** Why the SDK cannot be used here; false when it can. */
function sdkMissing(): string | false {
  try {
    createRequire(import.meta.url)('couchbase')
    return false
  } catch {
    return 'the native part of the couchbase SDK does not load'
  }
}

const skip = missing('engine') || sdkMissing()

test('a program over the Couchbase SDK does all it does to items; its writes go on over the death of a node, none acknowledged is lost', {
  skip,
}, async (t) => {
  await onStage(t, { nodes: 3 }, async ({ store }) => {
    await makeBucket(store)
    const items = new SdkProgram('items', connectionOf(store))
    assert.equal(await items.end(), 0, items.output)
    assert.match(items.output, /all items as they should be/)

    const writes = new SdkProgram('writes', connectionOf(store))
    await untilWritten(writes, WRITES)
    await store.kill(2)
    // While the copies of the dead node are still missing, and when they are there again.
    await untilWritten(writes, writes.written + WRITES)
    await until('all has its copies again', PROGRAM_TIMEOUT_MS, async () => {
      assert.ok(writes.isRunning, writes.output)
      return await isWhole(store)
    })
    await untilWritten(writes, writes.written + WRITES)
    assert.equal(await writes.end(), 0, writes.output)
    const told = /^done (.*)$/m.exec(writes.output)?.[1] ?? ''
    t.diagnostic(`writes over the death of a node: ${told}`)
    assert.match(told, /"writes":\d+/)
  })
})

async function untilWritten(program: SdkProgram, writes: number): Promise<void> {
  await until(`the program has written ${writes} times`, PROGRAM_TIMEOUT_MS, () => {
    assert.ok(program.isRunning, program.output)
    return program.written >= writes
  })
}

class SdkProgram {
  output = ''
  readonly #child: ChildProcess

  constructor(program: string, connection: string) {
    const args = [PROGRAM, program, connection, BUCKET, PASSWORD]
    this.#child = spawn(process.execPath, args, {
      cwd: projectRoot,
      stdio: ['pipe', 'pipe', 'pipe'],
      timeout: PROGRAM_TIMEOUT_MS,
    })
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.output += text
      })
    }
  }

  /** Writes as far as it has told. */
  get written(): number {
    return Number(
      this.output
        .match(/^writes \d+$/gm)
        ?.at(-1)
        ?.slice('writes '.length) ?? 0,
    )
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** Ends its input and answers its exit code. */
  async end(): Promise<number | null> {
    this.#child.stdin?.end()
    if (this.isRunning) await once(this.#child, 'close')
    return this.#child.exitCode
  }
}

function connectionOf(store: LocalStore): string {
  const [first] = store.nodes
  assert.ok(first)
  return `couchbase://127.0.0.1:${first.ports.data}`
}

async function makeBucket(store: LocalStore): Promise<void> {
  const [first] = store.nodes
  const body = new URLSearchParams({
    name: BUCKET,
    saslPassword: PASSWORD,
    ramQuotaMB: '100',
    replicaNumber: '1',
    shards: '4',
  })
  const login = Buffer.from(`${STORE_USER}:${STORE_PASSWORD}`).toString('base64')
  const url = `http://127.0.0.1:${first?.ports.rest}/pools/default/buckets`
  const headers = { authorization: `Basic ${login}` }
  const made = await fetch(url, { method: 'POST', headers, body })
  assert.equal(made.status, 202, await made.text())
  await until('the bucket has all its copies', READY_TIMEOUT_MS, () => isWhole(store))
  for (const { ports } of store.nodes) {
    await until('the port lets its clients in', READY_TIMEOUT_MS, () => letsIn(ports.data))
  }
}

async function letsIn(port: number): Promise<boolean> {
  const client = await VBucketClient.connect(`127.0.0.1:${port}`).catch(() => undefined)
  if (client === undefined) return false
  const login = { key: 'PLAIN', value: `\0${BUCKET}\0${PASSWORD}` }
  const { status } = await client.ask(SASL_AUTH, login)
  client.close()
  return status === 0
}

/** Whether every vBucket of the bucket has two copies on nodes that are up. */
async function isWhole(store: LocalStore): Promise<boolean> {
  const map = (await store.bucket(BUCKET))?.vBucketServerMap
  if (map === undefined || map.vBucketMap.length === 0) return false
  const up = new Set(
    store.nodes.filter(({ number }) => store.isUp(number)).map(({ ports }) => ports.data),
  )
  const isUp = (server: number | undefined): boolean => {
    const address = server === undefined ? undefined : map.serverList[server]
    return address !== undefined && up.has(Number(address.split(':')[1]))
  }
  return map.vBucketMap.every((row) => isUp(row[0]) && isUp(row[1]))
}
