// The suite `memory`: what an item costs in the store's engine beside the same item in redis-server
// alone. In the store an engine runs in cluster mode, which keeps the keys of each slot; a key has
// the tag of its vBucket before it, and a value the flags and the CAS stamp. Both are the same
// program, loaded with the same items; a figure is the growth of its `used_memory` by item.
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import net from 'node:net'
import { promisify } from 'node:util'
import { engineProgram, freeEnginePort } from '@holdfast/client/testing'
import { ITEM_HEADER_BYTES } from '@holdfast/protocol'
import { TAGS } from '@holdfast/topology'
import { figure, markdownTable } from './markdown.ts'
import { stopProcess, untilListening } from './stage.ts'
import type { SuiteReport, SuiteSurroundings } from './suite.ts'

const run = promisify(execFile)
/** From and to: sizes between them are taken in turn. */
const VALUE_SIZES: readonly SizeRange[] = [
  [100, 100],
  [500, 500],
  [1000, 1000],
  [4000, 4000],
  [100, 1000],
  [200, 4000],
]
/** Coprime to the widths of the ranges, so that every size comes equally often. */
const SIZE_STEP = 7919
const ITEMS = 100_000
const ITEMS_QUICK = 10_000
const BATCH = 500
const RATIO_MAX = 1.15
const TTL_SECONDS = 3600
const OK_BYTES = '+OK\r\n'.length
const SESSION_KEY_LENGTH = 36

type SizeRange = readonly [fromBytes: number, toBytes: number]

interface MemoryResult {
  readonly sizes: SizeRange
  readonly expires: boolean
  readonly aloneBytes: number
  readonly storeBytes: number
}

export async function runMemory(surroundings: SuiteSurroundings): Promise<SuiteReport> {
  const { options, say } = surroundings
  const items = options.quick ? ITEMS_QUICK : ITEMS
  const results: MemoryResult[] = []
  for (const sizes of VALUE_SIZES) {
    for (const expires of [false, true]) {
      const of = { items, sizes, expires }
      const aloneBytes = await bytesPerItem(surroundings, { ...of, inStore: false })
      const storeBytes = await bytesPerItem(surroundings, { ...of, inStore: true })
      results.push({ sizes, expires, aloneBytes, storeBytes })
      say(`${sizeText(sizes)}: alone ${figure(aloneBytes)}, store ${figure(storeBytes)}`)
    }
  }
  const head = ['value', 'expires', 'redis-server B/item', 'store B/item', 'ratio']
  head.push(`<= ${RATIO_MAX}`)
  const rows = results.map(({ sizes, expires, aloneBytes, storeBytes }) => {
    const ratio = storeBytes / aloneBytes
    const verdict = ratio <= RATIO_MAX ? 'yes' : 'no'
    const bytes = [figure(aloneBytes), figure(storeBytes)]
    return [sizeText(sizes), expires ? 'yes' : 'no', ...bytes, ratio.toFixed(3), verdict]
  })
  const about = `${items} items, keys of ${SESSION_KEY_LENGTH} characters, one copy.`
  const why =
    'The allocator hands out sizes in steps: where the 12 bytes of a value lead over one (500 to ' +
    '512) the whole step is paid, elsewhere next to nothing. The ranges show what that comes to.'
  return {
    markdown: ['## Memory by item', '', about, '', ...markdownTable(head, rows), '', why, ''],
    raw: results,
    sound: true,
  }
}

interface Load {
  readonly items: number
  readonly sizes: SizeRange
  readonly expires: boolean
  readonly inStore: boolean
}

async function bytesPerItem({ stage }: SuiteSurroundings, load: Load): Promise<number> {
  const program = engineProgram()
  if (program === undefined) throw new Error('neither valkey-server nor redis-server found')
  const port = await freeEnginePort()
  const cluster = load.inStore ? ['--cluster-enabled', 'yes', '--dir', stage.folder] : []
  const nodes = load.inStore ? ['--cluster-config-file', `nodes-${port}.conf`] : []
  const common = ['--port', String(port), '--bind', '127.0.0.1', '--save', '']
  const engine = stage.start(program, [...common, ...cluster, ...nodes], {
    core: stage.cores.backendCore,
  })
  await untilListening(engine, port)
  if (load.inStore) {
    await ask(port, 'CLUSTER', 'ADDSLOTSRANGE', '0', '16383')
    while (!(await ask(port, 'CLUSTER', 'INFO')).includes('cluster_state:ok')) {
      stage.ending.throwIfAborted()
    }
  }
  const before = await usedMemory(port)
  await fill(port, load)
  const after = await usedMemory(port)
  await stopProcess(engine.child)
  return (after - before) / load.items
}

async function ask(port: number, ...command: string[]): Promise<string> {
  const { stdout } = await run('redis-cli', ['-p', String(port), ...command])
  return stdout
}

async function usedMemory(port: number): Promise<number> {
  return Number(/^used_memory:(\d+)/m.exec(await ask(port, 'INFO', 'memory'))?.[1] ?? Number.NaN)
}

async function fill(port: number, load: Load): Promise<void> {
  const socket = net.connect(port, '127.0.0.1')
  await once(socket, 'connect')
  const header = load.inStore ? ITEM_HEADER_BYTES : 0
  const [fromBytes, toBytes] = load.sizes
  const textOf = (index: number): string =>
    'v'.repeat(fromBytes + ((index * SIZE_STEP) % (toBytes - fromBytes + 1)) + header)
  const expiry = load.expires ? ['PX', String(TTL_SECONDS * 1000)] : []
  for (let from = 0; from < load.items; from += BATCH) {
    const commands = Array.from({ length: BATCH }, (_, i) =>
      commandText(['SET', keyOf(from + i, load.inStore), textOf(from + i), ...expiry]),
    )
    socket.write(commands.join(''))
    for (let bytes = 0; bytes < BATCH * OK_BYTES; ) {
      const [chunk]: [Buffer] = (await once(socket, 'data')) as [Buffer]
      if (chunk[0] === '-'.charCodeAt(0)) throw new Error(chunk.toString('latin1'))
      bytes += chunk.length
    }
  }
  socket.destroy()
}

function sizeText([from, to]: SizeRange): string {
  return from === to ? `${from} B` : `${from}-${to} B`
}

function keyOf(index: number, inStore: boolean): string {
  const key = `session:${index}`.padEnd(SESSION_KEY_LENGTH, 'x')
  return inStore ? `{${TAGS[index % TAGS.length]}}${key}` : key
}

function commandText(words: readonly string[]): string {
  const parts = words.map((word) => `$${word.length}\r\n${word}\r\n`)
  return `*${words.length}\r\n${parts.join('')}`
}
