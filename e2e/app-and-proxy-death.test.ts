import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { figure } from './harness/figures.ts'
import { missing, onStage, type Stage } from './harness/stage.ts'
import { until } from './harness/until.ts'
import { type Visitor, Visitors } from './harness/visitors.ts'

const VISITORS = 40
const ANSWERS_TIMEOUT_MS = 120_000
const CAST = {
  nodes: 2,
  appServers: 3,
  sessions: { sticky: true, asyncBackup: false },
}

test('an app server and a proxy are killed', { skip: missing('engine', 'balancer') }, async (t) => {
  await onStage(t, CAST, async (stage) => {
    const proxyDeath = 'the app server of a killed proxy leaves the pool, nobody is logged out'
    await t.test(proxyDeath, async (t) => await playProxyDeath(t, stage))
    const appDeath = 'the visitors of a killed app server go on at another with their sessions'
    await t.test(appDeath, async (t) => await playAppDeath(t, stage))
  })
})

async function playProxyDeath(t: TestContext, stage: Stage): Promise<void> {
  const { apps } = stage
  const [victim] = apps.proxies
  const [orphan] = apps.apps
  assert.ok(victim !== undefined && orphan !== undefined)
  await withVisitors(apps.entryPort, async (visitors) => {
    await visitors.stop()
    const before = visitors.all.map(({ acknowledged }) => acknowledged)
    const killedAtMs = performance.now()
    victim.daemon.kill()
    await untilHealth(orphan.port, 503)
    figure(t, 'ms until /health of the app server fails', msSince(killedAtMs))
    await untilOutOfPool(stage, orphan.route)
    figure(t, 'ms until the app server is out of the pool', msSince(killedAtMs))
    visitors.start()
    await untilMoreAnswers(visitors, 3)
    await visitors.stop()
    const loggedOut = visitors.all.filter(({ acknowledged }, index) => {
      return acknowledged < (before[index] ?? 0)
    })
    figure(t, 'visitors logged out', loggedOut.length, `of ${VISITORS}`)
    judge(t, visitors)
    assert.deepEqual(loggedOut, [])
  })
  await apps.reviveProxy(victim.number)
  await untilHealth(orphan.port, 200)
}

async function playAppDeath(t: TestContext, { apps }: Stage): Promise<void> {
  const victim = apps.apps[1]
  assert.ok(victim !== undefined)
  await withVisitors(apps.entryPort, async (visitors) => {
    const moved = visitors.all.filter(({ app }) => app === victim.route)
    assert.ok(moved.length > 0, 'the balancer spreads visitors')
    // Nobody clicks while it dies: what a dying app server does to a request under way is its
    // own affair, what happens to the session is ours.
    await visitors.stop()
    victim.daemon.kill()
    await victim.daemon.ended()
    visitors.start()
    await untilMoreAnswers(visitors, 3)
    await visitors.stop()
    figure(t, 'visitors moved', moved.length, `of ${VISITORS}`)
    judge(t, visitors)
    assert.deepEqual(
      moved.filter(({ app }) => app === victim.route),
      [],
    )
  })
}

function judge(t: TestContext, visitors: Visitors): void {
  figure(t, 'failed requests', visitors.failed.length, `of ${visitors.answers}`)
  figure(t, 'lost increments', visitors.lostIncrements)
  assert.deepEqual(visitors.failed.slice(0, 5), [])
  assert.deepEqual(visitors.lost.slice(0, 5), [])
}

async function withVisitors(
  port: number,
  play: (visitors: Visitors) => Promise<void>,
): Promise<void> {
  const visitors = new Visitors(port, VISITORS, 100)
  try {
    visitors.start()
    await untilMoreAnswers(visitors, 3)
    await play(visitors)
  } finally {
    await visitors.stop()
    visitors.close()
  }
}

async function untilMoreAnswers(visitors: Visitors, more: number): Promise<void> {
  const answers = visitors.fewestAnswers + more
  const failedBefore = visitors.failed.length
  await until(`${more} more answers for each visitor`, ANSWERS_TIMEOUT_MS, () => {
    return visitors.fewestAnswers >= answers || visitors.failed.length > failedBefore
  })
}

async function untilHealth(port: number, status: number): Promise<void> {
  await until(`/health answers ${status}`, 10_000, async () => {
    const response = await fetch(`http://127.0.0.1:${port}/health`)
    await response.body?.cancel()
    return response.status === status
  })
}

// A visitor without a cookie is sent to each app server of the pool in turn.
async function untilOutOfPool({ apps }: Stage, route: string): Promise<void> {
  await until(`${route} gets no visitors`, 10_000, async () => {
    const strangers = new Visitors(apps.entryPort, 2 * apps.apps.length)
    await Promise.all(strangers.all.map((stranger: Visitor) => stranger.count(apps.entryPort)))
    strangers.close()
    return strangers.all.every((stranger) => stranger.app !== route)
  })
}

function msSince(startMs: number): number {
  return Math.round(performance.now() - startMs)
}
