/**
 * Backup, restore, export and import against real nodes: while writers run, and while the node that
 * is read from dies in the middle.
 */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { MemcachedClient } from '@holdfast/client'
import { until } from '@holdfast/client/testing'
import { addressOf, LocalStore, STORE_PASSWORD, STORE_USER } from '../picture/local-store.ts'
import { PortPlan } from '../picture/ports.ts'
import { findPrograms } from '../picture/programs.ts'

const ITEMS = 20_000
const WINDOW = 200
const COPIES_TIMEOUT_MS = 60_000
const COMMAND_TIMEOUT_MS = 120_000
const EXPIRY_SECONDS = [0, 3600, 40 * 86_400]
/** The clock of a client, a proxy and an engine, and how long a write may wait for its turn. */
const EXPIRY_TOLERANCE_MS = 2000
const root = dirname(dirname(dirname(dirname(import.meta.dirname))))
const programs = findPrograms(root)

interface Line {
  key: string
  value: string
  encoding: string
  flags: number
  expiresAtMs: number
}

describe('copies of a bucket', { skip: programs.engine === undefined && 'no engine' }, () => {
  let folder: string
  let store: LocalStore
  let filledAtMs = 0

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'holdfast-backup-'))
    store = new LocalStore(programs, folder, new PortPlan())
    for (let node = 0; node < 3; node++) await store.addNode()
    await store.form()
    await store.untilFullCopies(COPIES_TIMEOUT_MS)
    filledAtMs = Date.now()
    await fill(gateway(1))
  })

  after(async () => {
    await store?.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  test('a backup under writes holds every item that was there, and restores it', async () => {
    const writer = startWriter(gateway(1))
    const to = join(folder, 'under-writes')
    const backup = await holdfast(['backup', '--bucket', 'default', '--to', to, '-o', 'json'])
    const written = await writer.stop()
    assert.equal(backup.code, 0, backup.stderr)
    assert.ok(written > 0, 'the writer wrote')
    assert.equal((await holdfast(['backup', '--bucket', 'default', '--to', to])).code, 1)

    await create('copy', ['--bucket-shards', '3'])
    const args = ['restore', '--from', to, '--bucket', 'copy', '-o', 'json']
    const restored = await holdfast(args)
    assert.equal(restored.code, 0, restored.stderr)
    const exported = join(folder, 'copy.jsonl')
    const out = await holdfast(['export', '--bucket', 'copy', '--to', exported, '-o', 'json'])
    assert.equal(out.code, 0, out.stderr)
    checkItems(await linesOf(exported))

    const again = await holdfast([...args, '--mode', 'add'])
    const counts = JSON.parse(again.stdout)
    assert.equal(counts.written, 0, again.stdout)
    assert.equal(counts.kept, counts.read)
  })

  test('a damaged file is found before anything is written', async () => {
    const to = join(folder, 'damaged')
    await holdfast(['backup', '--bucket', 'copy', '--to', to])
    const path = join(to, 'shard-0001.items')
    const bytes = await readFile(path)
    bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1
    writeFileSync(path, bytes)
    const restored = await holdfast(['restore', '--from', to, '--bucket', 'default'])
    assert.equal(restored.code, 1)
    assert.match(restored.stderr, /shard-0001.items is damaged/)
  })

  test('export and import through a pipe keep key, value, flags and expiry', async () => {
    const exported = await holdfast(['export', '--bucket', 'copy', '--to', '-'])
    assert.equal(exported.code, 0, exported.stderr)
    await create('imported', [])
    const args = ['import', '--bucket', 'imported', '--from', '-', '-o', 'json']
    const imported = await holdfast(args, exported.stdout)
    assert.equal(imported.code, 0, imported.stderr)
    const out = await holdfast(['export', '--bucket', 'imported', '--to', '-'])
    checkItems(parse(out.stdout))
    const wrong = await holdfast(args, '{"key":"a"}\n')
    assert.equal(wrong.code, 1)
    assert.match(wrong.stderr, /line 1 is no item/)
  })

  test('a node that dies in the middle: the backup is whole, or fails and can be resumed', async () => {
    const to = join(folder, 'killed')
    const args = ['backup', '--bucket', 'default', '--to', to, '--rate', '0.1']
    const running = holdfast(args)
    const someDone = async (): Promise<boolean> => {
      const manifest = await readFile(join(to, 'backup.json'), 'utf8').catch(() => '{}')
      return (JSON.parse(manifest).files ?? []).length >= 1
    }
    await until('a shard is done', someDone, COMMAND_TIMEOUT_MS)
    await store.kill(1)
    let backup = await running
    if (backup.code !== 0) {
      assert.notEqual(backup.stderr, '', 'a failure says why')
      backup = await holdfast([...args, '--resume'])
    }
    assert.equal(backup.code, 0, backup.stderr)
    const checked = await holdfast(['restore', '--from', to, '--check', '-o', 'json'])
    assert.equal(checked.code, 0, checked.stderr)
    const files: { items: number }[] = JSON.parse(checked.stdout).manifest.files
    const items = files.reduce((sum, file) => sum + file.items, 0)
    assert.ok(items >= ITEMS, `${items} of ${ITEMS} items`)
    const status = await holdfast(['status', '-o', 'json'])
    assert.ok([0, 3].includes(status.code), status.stdout + status.stderr)
  })

  /** A command at every member that may be up. */
  async function holdfast(
    args: readonly string[],
    input = '',
  ): Promise<{ code: number; stdout: string; stderr: string }> {
    const child = spawn(programs.node, [programs.holdfast, ...args], {
      env: {
        ...process.env,
        CB_CLUSTER: store.nodes.map(addressOf).join(','),
        CB_REST_USERNAME: STORE_USER,
        CB_REST_PASSWORD: STORE_PASSWORD,
      },
      timeout: COMMAND_TIMEOUT_MS,
    })
    const out = { stdout: '', stderr: '' }
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      out.stdout += text
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      out.stderr += text
    })
    child.stdin.on('error', () => {})
    child.stdin.end(input)
    const [code] = await once(child, 'close')
    return { code: typeof code === 'number' ? code : -1, ...out }
  }

  async function create(bucket: string, more: readonly string[]): Promise<void> {
    const made = await holdfast(['bucket-create', '--bucket', bucket, ...more])
    assert.equal(made.code, 0, made.stderr)
  }

  function gateway(node: number): MemcachedClient {
    const port = store.nodes[node]?.ports.gateway ?? 0
    return new MemcachedClient({ host: '127.0.0.1', port, timeoutMs: 10_000 })
  }

  function checkItems(lines: readonly Line[]): void {
    const items = new Map(lines.map((line) => [line.key, line]))
    for (let index = 0; index < ITEMS; index++) {
      const item = items.get(`item-${index}`)
      assert.ok(item, `item-${index} is there`)
      const value = Buffer.from(item.value, item.encoding === 'base64' ? 'base64' : 'utf8')
      assert.deepEqual(value, bytesOf(index))
      assert.equal(item.flags, index % 7)
      const ttlSeconds = EXPIRY_SECONDS[index % 3] ?? 0
      if (ttlSeconds === 0) assert.equal(item.expiresAtMs, 0)
      else checkExpiry(item.expiresAtMs, ttlSeconds)
    }
  }

  function checkExpiry(expiresAtMs: number, ttlSeconds: number): void {
    const earliest = filledAtMs + ttlSeconds * 1000 - EXPIRY_TOLERANCE_MS
    assert.ok(expiresAtMs >= earliest, `${expiresAtMs} is before ${earliest}`)
    assert.ok(expiresAtMs < earliest + COPIES_TIMEOUT_MS, `${expiresAtMs} is after ${earliest}`)
  }
})

async function fill(client: MemcachedClient): Promise<void> {
  for (let start = 0; start < ITEMS; start += WINDOW) {
    await Promise.all(
      Array.from({ length: WINDOW }, (_, offset) => {
        const index = start + offset
        const ttlSeconds = EXPIRY_SECONDS[index % 3] ?? 0
        return client.set(`item-${index}`, bytesOf(index), { flags: index % 7, ttlSeconds })
      }),
    )
  }
  await client.close()
}

/** Text, bytes that are no text, and nothing. */
function bytesOf(index: number): Buffer {
  if (index % 3 === 0) return Buffer.from(`välue ${index}`)
  return index % 3 === 1 ? Buffer.from([0xff, index & 0xff, 0, 13, 10]) : Buffer.alloc(0)
}

function startWriter(client: MemcachedClient): { stop(): Promise<number> } {
  let goes = true
  let written = 0
  const run = (async () => {
    while (goes) {
      await client.set(`other-${written % 5000}`, Buffer.from(String(written)))
      written++
    }
    await client.close()
  })()
  return {
    stop: async () => {
      goes = false
      await run
      return written
    },
  }
}

async function linesOf(path: string): Promise<Line[]> {
  return parse(await readFile(path, 'utf8'))
}

function parse(text: string): Line[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line))
}
