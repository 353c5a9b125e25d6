/** Rebalance: start (with servers in and out at once), watch, stop, ask. */
import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'
import {
  type ClusterCommand,
  type CommandContext,
  listOf,
  type OptionRow,
  type Outcome,
  success,
} from './command.ts'
import { addServers, serverAddOptions } from './commands-servers.ts'
import { namedNode, type Pool, type PoolNode, readPool } from './pool.ts'
import { type RestClient, RestError } from './rest-client.ts'

const POLL_MS = 100
/** Progress that stands still for this long ends the wait with an error; the work goes on. */
const REBALANCE_STUCK_MS = 120_000
/** A member that dies takes the question with it; others are asked this long. */
const UNREACHABLE_MS_MAX = 15_000
/** Every member knows of a rebalance after this long. */
const BEGIN_MS_MAX = 1000

export const NO_WAIT: OptionRow = {
  flags: '--no-wait',
  description: 'return before it is done',
}

export const rebalanceCommands: readonly ClusterCommand[] = [
  {
    name: 'rebalance',
    group: 'Servers',
    description: 'spread the data over all added nodes; drain and remove others; or both: swap',
    options: [
      ...serverAddOptions,
      {
        flags: '--server-remove <host[:port],...>',
        description: 'nodes to drain and remove',
        list: true,
      },
      { flags: '--no-progress-bar', description: 'lines instead of a bar' },
      NO_WAIT,
    ],
    run: rebalance,
  },
  {
    name: 'rebalance-stop',
    group: 'Servers',
    description: 'stop a rebalance; what has moved stays, a later one goes on from there',
    options: [],
    run: async ({ rest }) => {
      await rest.post('/controller/stopRebalance')
      return success('rebalance stopped')
    },
  },
  {
    name: 'rebalance-status',
    group: 'Servers',
    description: 'show whether a rebalance runs and how far it is',
    options: [],
    run: async ({ rest }) => {
      const { running, fraction, detail, errorMessage, raw } = await readRebalance(rest)
      const more = [detail, errorMessage].filter((text) => text !== '').join(', ')
      const state = running ? `running ${Math.floor(fraction * 100)} %` : 'none'
      return { lines: [more === '' ? state : `${state}, ${more}`], value: raw }
    },
  },
]

async function rebalance(context: CommandContext): Promise<Outcome> {
  const { rest, options } = context
  // Refused before anything is changed: a server to remove that is not there.
  const before = await readPool(rest)
  const removed = listOf(options, 'serverRemove').map((name) => namedNode(before, name))
  const added = await addServers(context)
  const pool = added.length === 0 ? before : await readPool(rest)
  await begin(rest, pool, removed)
  if (options.wait === false) return success('rebalance started')
  await untilRebalanced(context, pool, removed)
  return success('rebalanced cluster', { added, removed: removed.map((n) => n.hostname) })
}

async function begin(rest: RestClient, pool: Pool, removed: readonly PoolNode[]): Promise<void> {
  await rest.post('/controller/rebalance', {
    knownNodes: pool.nodes.map((n) => n.otpNode).join(','),
    ejectedNodes: removed.map((n) => n.otpNode).join(','),
  })
}

/** Makes the servers of `--server-add` members for data, where there is none that would move. */
export async function takeInServers(context: CommandContext): Promise<string[]> {
  const added = await addServers(context)
  if (added.length === 0) return added
  const pool = await readPool(context.rest)
  // An arbiter is in use at once.
  if (pool.nodes.every((n) => n.clusterMembership === 'active')) return added
  await begin(context.rest, pool, [])
  await untilRebalanced(context, pool, [])
  return added
}

export interface RebalanceState {
  running: boolean
  /** 0 to 1 over all nodes. */
  fraction: number
  detail: string
  errorMessage: string
  raw: unknown
}

const progressSchema = z.looseObject({
  status: z.string(),
  errorMessage: z.string().optional(),
})
const nodeProgressSchema = z.object({ progress: z.number() })
/** What Holdfast adds to the original's answer. */
const movesSchema = z.object({ shardsMoving: z.number(), shardsLeft: z.number() }).partial()

export async function readRebalance(rest: RestClient): Promise<RebalanceState> {
  const raw = progressSchema.parse(await rest.get('/pools/default/rebalanceProgress'))
  const nodes = Object.entries(raw).flatMap(([name, value]) => {
    const parsed = nodeProgressSchema.safeParse(value)
    return parsed.success ? [{ name, progress: parsed.data.progress }] : []
  })
  const sum = nodes.reduce((total, n) => total + n.progress, 0)
  const moves = movesSchema.safeParse(raw.holdfast)
  const unfinished = nodes.filter((n) => n.progress < 1).length
  const shards = moves.data?.shardsLeft
  const detail = [
    ...(shards === undefined ? [] : [`${shards} shards to move`]),
    ...(nodes.length === 0 ? [] : [`${unfinished} of ${nodes.length} nodes`]),
  ].join(', ')
  return {
    running: raw.status === 'running',
    fraction: nodes.length === 0 ? 0 : sum / nodes.length,
    detail,
    errorMessage: raw.errorMessage ?? '',
    raw,
  }
}

async function untilRebalanced(
  { rest, progress }: CommandContext,
  before: Pool,
  removed: readonly PoolNode[],
): Promise<void> {
  const added = before.nodes.filter((n) => n.clusterMembership === 'inactiveAdded')
  const startedAtMs = performance.now()
  let seenRunning = false
  let lastPercent = -1
  let movedAtMs = startedAtMs
  let heardAtMs = startedAtMs
  for (;;) {
    const state = await unlessLost(() => readRebalance(rest), heardAtMs)
    if (state !== null) heardAtMs = performance.now()
    if (state?.running) {
      seenRunning = true
      progress.update(state.fraction, state.errorMessage || state.detail)
      const percent = Math.floor(state.fraction * 100)
      if (percent !== lastPercent) movedAtMs = performance.now()
      lastPercent = percent
      if (performance.now() - movedAtMs > REBALANCE_STUCK_MS) {
        throw new RestError(`rebalance stands at ${percent} %; it goes on by itself`, null)
      }
    } else if (state !== null) {
      if (state.errorMessage !== '') throw new RestError(state.errorMessage, null)
      const begun = seenRunning || performance.now() - startedAtMs > BEGIN_MS_MAX
      if (await isRebalanced(rest, { added, removed, begun })) return
    }
    await delay(POLL_MS)
  }
}

/**
 * A member that does not lead may not know of the rebalance yet, and then it does not know that the
 * servers that were added have come into use; later, not running is stopped.
 */
async function isRebalanced(
  rest: RestClient,
  changes: { added: readonly PoolNode[]; removed: readonly PoolNode[]; begun: boolean },
): Promise<boolean> {
  const pool = await readPool(rest)
  const find = ({ otpNode }: PoolNode) => pool.nodes.find((n) => n.otpNode === otpNode)
  const left = changes.removed.filter((node) => find(node))
  const joined = changes.added.filter((node) => find(node)?.clusterMembership === 'active')
  const isKnown = joined.length > 0 && joined.length === changes.added.length
  const begun = changes.begun || isKnown
  const done = pool.balanced && left.length === 0 && pool.rebalanceStatus === 'none'
  if (done || !begun || pool.rebalanceStatus !== 'none') return done && begun
  throw new RestError('rebalance was stopped before it was done', null)
}

/** Null when the member that is asked is away for a moment. */
async function unlessLost<T>(read: () => Promise<T>, heardAtMs: number): Promise<T | null> {
  try {
    return await read()
  } catch (error) {
    const lost = error instanceof RestError && (error.status === null || error.status >= 500)
    if (!lost || performance.now() - heardAtMs > UNREACHABLE_MS_MAX) throw error
    return null
  }
}
