// All nodes are stopped and started again one after the other, as an upgrade does it, under load:
// clients of a local proxy see no error, and nothing that was acknowledged is missing.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { figure } from './harness/figures.ts'
import { KeyWriter, keysMissing } from './harness/key-writer.ts'
import { ShardProber } from './harness/shard-prober.ts'
import { missing, onStage } from './harness/stage.ts'

const NODES = 3
const KEYS_BETWEEN = 300
const WRITE_TIMEOUT_MS = 30_000
const COPIES_TIMEOUT_MS = 120_000

const title = 'a rolling upgrade of all nodes costs no request and no acknowledged write'

test(title, { skip: missing('engine') }, async (t) => {
  await onStage(t, { nodes: NODES }, async ({ store, apps }) => {
    const proxy = await apps.addProxy(store.streamUrls())
    const prober = new ShardProber(proxy)
    const writer = KeyWriter.start({ port: proxy.port, name: 'key' })
    const stops: number[] = []
    try {
      await prober.start()
      for (let number = 1; number <= NODES; number++) {
        await writer.more(KEYS_BETWEEN, WRITE_TIMEOUT_MS)
        stops.push(await gapDuring(proxy, () => store.stopNode(number)))
        await writer.more(KEYS_BETWEEN, WRITE_TIMEOUT_MS)
        await store.revive(number)
        await store.untilFullCopies(COPIES_TIMEOUT_MS)
      }
      await writer.more(KEYS_BETWEEN, WRITE_TIMEOUT_MS)
    } finally {
      await Promise.all([prober.stop(), writer.stop()])
    }
    const lost = await keysMissing(proxy.port, [writer])
    figure(t, 'acknowledged keys lost', lost.length, `of ${writer.stored.size}`)
    figure(t, 'writes refused', writer.refused.length + prober.refused.length)
    figure(t, 'ms that a write took while a node stopped, at most', Math.max(...stops))
    figure(t, 'ms that a write took at all, at most', Math.round(prober.longestGapMs))
    assert.deepEqual(lost.slice(0, 5), [])
    assert.deepEqual([...writer.refused, ...prober.refused].slice(0, 5), [])
  })
})

/** The longest that a write took while `work` went on, over all shards. */
async function gapDuring(
  proxy: { port: number; httpPort: number },
  work: () => Promise<void>,
): Promise<number> {
  const prober = new ShardProber(proxy)
  await prober.start()
  try {
    await work()
  } finally {
    await prober.stop()
  }
  return Math.round(prober.longestGapMs)
}
