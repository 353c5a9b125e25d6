import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { figure } from './harness/figures.ts'
import { missing, onStage } from './harness/stage.ts'
import { until } from './harness/until.ts'
import { Visitors } from './harness/visitors.ts'

const VISITORS = 50
const DURABLE_AFTER_MS = 2_000
const RESTART_MAX_MS = 60_000

const title = 'after kill -9 of everything at once, all sessions older than 2 s are there again'

test(title, { skip: missing('engine', 'balancer') }, async (t) => {
  const cast = {
    nodes: 3,
    appServers: 2,
    sessions: { sticky: true, asyncBackup: false },
  }
  await onStage(t, cast, async ({ store, apps }) => {
    const visitors = new Visitors(apps.entryPort, VISITORS, 100)
    try {
      visitors.start()
      await until('5 answers for each visitor', 30_000, () => visitors.fewestAnswers >= 5)
      await visitors.stop()
      assert.deepEqual(visitors.failed, [])
      await delay(DURABLE_AFTER_MS)

      await Promise.all([
        ...store.nodes.map(({ number }) => store.kill(number)),
        ...[...apps.apps, ...apps.proxies].map(({ daemon }) => {
          daemon.kill()
          return daemon.ended()
        }),
      ])
      const restartedAtMs = performance.now()
      await Promise.all(store.nodes.map(({ number }) => store.revive(number)))
      await store.untilFullCopies(RESTART_MAX_MS)
      figure(t, 'ms to full copies', Math.round(performance.now() - restartedAtMs))
      for (const { number } of apps.proxies) await apps.reviveProxy(number)
      for (const { number } of apps.apps) await apps.reviveApp(number)

      const [app] = apps.apps
      const wrong = await visitors.wrongCountsAt(() => app?.port ?? 0)
      figure(t, 'sessions lost or old', wrong.length, `of ${VISITORS}`)
      assert.deepEqual(wrong, [])
    } finally {
      await visitors.stop()
      visitors.close()
    }
  })
})
