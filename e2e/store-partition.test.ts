// One store node after the other is cut off from the network, with writers on both sides. The rest
// takes its shards over, the node that is alone acknowledges nothing, and when it is back nothing
// that was acknowledged on either side is missing.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { Daemon } from '../packages/holdfast/src/picture/daemon.ts'
import type { LocalProxy } from '../packages/holdfast/src/picture/local-apps.ts'
import { PortPlan } from '../packages/holdfast/src/picture/ports.ts'
import { findPrograms } from '../packages/holdfast/src/picture/programs.ts'
import { figure } from './harness/figures.ts'
import { KeyWriter, keysMissing } from './harness/key-writer.ts'
import { NetworkHosts, noNetworkHosts } from './harness/network-hosts.ts'
import { ShardProber } from './harness/shard-prober.ts'
import { missing, onStage, projectRoot, type Stage } from './harness/stage.ts'
import { StoreAdmin } from './harness/store-admin.ts'
import { until } from './harness/until.ts'

const NODES = 3
const WARM_UP_KEYS = 200
const KEYS_WHILE_CUT = 1000
const CUT_MS_MIN = 5000
/** Longer than a proxy holds a request: what was sent earlier has been answered before the return. */
const HELD_MS_MAX = 3500
const WRITE_TIMEOUT_MS = 30_000
const COPIES_TIMEOUT_MS = 120_000

const title =
  'a store node that is cut off acknowledges nothing, the others take over, nothing acknowledged is lost'

test(title, { skip: missing('engine') || noNetworkHosts() }, async (t) => {
  const hosts = NetworkHosts.open(NODES)
  try {
    await onStage(t, { nodes: NODES, hosts }, async (stage) => {
      process.env.HOLDFAST_PROXY_TOKEN = await proxyToken(stage)
      const outside = await stage.apps.addProxy(stage.store.streamUrls())
      for (let victim = 1; victim <= NODES; victim++) {
        await t.test(`node ${victim}`, async (t) => await playCut(t, stage, hosts, outside, victim))
      }
    })
  } finally {
    delete process.env.HOLDFAST_PROXY_TOKEN
    hosts.close()
  }
})

/** The proxies are on other hosts than most nodes: they are told the engines by this. */
async function proxyToken({ store }: Stage): Promise<string> {
  const { status, text } = await new StoreAdmin(store).post('/settings/proxies', {})
  assert.equal(status, 200, text)
  return (JSON.parse(text) as { token: string }).token
}

async function playCut(
  t: TestContext,
  { store, folder }: Stage,
  hosts: NetworkHosts,
  outside: LocalProxy,
  victim: number,
): Promise<void> {
  const launcher = hosts.launcher(victim)
  const inside = await startProxy(launcher, folder, store.streamUrls())
  const prober = new ShardProber(outside)
  const writers = {
    outside: KeyWriter.start({ port: outside.port, name: `outside-${victim}` }),
    inside: KeyWriter.start({ port: inside.port, name: `inside-${victim}`, launcher }),
  }
  try {
    await prober.start()
    await Promise.all(
      Object.values(writers).map((writer) => writer.more(WARM_UP_KEYS, WRITE_TIMEOUT_MS)),
    )
    const cutAtMs = performance.now()
    hosts.cut(victim)
    const cutAt = Date.now()
    await until('all shards are writable', WRITE_TIMEOUT_MS, () =>
      Number.isFinite(prober.toWritableMs(cutAtMs)),
    )
    figure(t, 'ms to writable', prober.toWritableMs(cutAtMs), `slowest of ${prober.shards} shards`)
    await Promise.all([delay(CUT_MS_MIN), writers.outside.more(KEYS_WHILE_CUT, WRITE_TIMEOUT_MS)])
    const healedAt = Date.now()
    hosts.join(victim)
    await store.untilFullCopies(COPIES_TIMEOUT_MS)
    await writers.inside.more(WARM_UP_KEYS, WRITE_TIMEOUT_MS)
    figure(t, 'ms to full copies after the return', Date.now() - healedAt)
    await Promise.all([prober.stop(), writers.inside.stop(), writers.outside.stop()])

    const alone = [...writers.inside.stored].filter(
      ([, sentAt]) => sentAt >= cutAt && sentAt < healedAt - HELD_MS_MAX,
    )
    figure(t, 'keys acknowledged on the side that was cut off', alone.length)
    const lost = await keysMissing(outside.port, Object.values(writers))
    const acknowledged = writers.inside.stored.size + writers.outside.stored.size
    figure(t, 'acknowledged keys lost', lost.length, `of ${acknowledged}`)
    figure(t, 'writes refused outside', writers.outside.refused.length)
    assert.deepEqual(lost.slice(0, 5), [])
    assert.deepEqual(alone.slice(0, 5), [])
    assert.deepEqual(writers.outside.refused.slice(0, 5), [])
  } finally {
    hosts.join(victim)
    await Promise.all([prober.stop(), ...Object.values(writers).map((writer) => writer.stop())])
    await inside.daemon.stop()
  }
}

async function startProxy(
  launcher: readonly string[],
  folder: string,
  target: string,
): Promise<{ port: number; daemon: Daemon }> {
  const { node, holdfast } = findPrograms(projectRoot)
  const port = await new PortPlan().port()
  const command = [...launcher, node, holdfast, 'proxy', '-Z', `port_listen=${port}`, target]
  const daemon = await Daemon.start({
    name: 'proxy on the host that is cut off',
    command: command[0] ?? '',
    args: command.slice(1),
    logPath: join(folder, 'inside-proxy.log'),
    readyLine: /^holdfast proxy ready /,
  })
  return { port, daemon }
}
