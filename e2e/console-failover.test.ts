// A node dies under load, seen in the web console: one page sees the cluster fail over and heal,
// the page that the dead node had served goes on at another by itself.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { addressOf } from '../packages/holdfast/src/picture/local-store.ts'
import { logIn, missingForConsole, withBrowser } from './harness/browser.ts'
import { KeyWriter } from './harness/key-writer.ts'
import { onStage, type Stage } from './harness/stage.ts'

const SOON_MS = 120_000

async function underLoad({ store, apps }: Stage, play: () => Promise<void>) {
  const { port } = await apps.addProxy(store.streamUrls())
  const writer = KeyWriter.start({ port, name: 'key', lanes: 2 })
  try {
    await writer.more(50, SOON_MS)
    await play()
    await writer.more(50, SOON_MS)
  } finally {
    await writer.stop()
  }
}

test('a node dies: a page sees the failover and the healing, its own page moves to another node', {
  skip: missingForConsole(),
}, async (t) => {
  await onStage(t, { nodes: 3 }, async (stage) => {
    const { store } = stage
    const [first, second, third] = store.nodes
    assert.ok(first && second && third)
    await underLoad(stage, () =>
      withBrowser(store, async (visit) => {
        const steady = await visit()
        const { page } = steady
        await steady.open(first, '#/topology')
        await logIn(page)
        const moved = await visit()
        await moved.open(third, '#/topology')
        await logIn(moved.page)
        await moved.page.getByRole('img', { name: '3 of them up' }).waitFor()
        await page.getByRole('img', { name: 'The cluster is healthy' }).waitFor()
        await store.kill(3)
        await page
          .getByText(/primar(y|ies) moved from/)
          .first()
          .waitFor()
        await page.getByRole('img', { name: '2 of them up' }).waitFor()
        await steady.check()
        await steady.shoot('topology-failover')
        const others = [first, second].map((node) => `http://${addressOf(node)}/ui/`)
        await moved.page.waitForURL(({ href }) => others.some((one) => href.startsWith(one)))
        await moved.page.getByRole('img', { name: '2 of them up' }).waitFor()
        assert.equal(new URL(moved.page.url()).hash, '#/topology')
        await page
          .getByText(/in sync on/)
          .first()
          .waitFor()
        await store.untilFullCopies(SOON_MS)
        await store.revive(3)
        await page.getByRole('img', { name: '3 of them up' }).waitFor()
        await page.getByRole('img', { name: 'The cluster is healthy' }).waitFor()
        await moved.page.getByRole('img', { name: 'The cluster is healthy' }).waitFor()
      }),
    )
  })
})
