// An evening of 2011 in the web console: of two nodes one is dead for good. It is removed, the
// other goes on alone, a third one is added, and a rebalance makes the copies again.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Page } from 'playwright-core'
import { addressOf, type LocalStore } from '../packages/holdfast/src/picture/local-store.ts'
import { button, head, logIn, missingForConsole, withBrowser } from './harness/browser.ts'
import { KeyWriter } from './harness/key-writer.ts'
import { onStage } from './harness/stage.ts'
import { StoreAdmin } from './harness/store-admin.ts'
import { until } from './harness/until.ts'

const SOON_MS = 120_000
const KEYS = 100

async function removeTheDead(page: Page, name: string): Promise<void> {
  await page.getByRole('heading', { name: `${name} does not answer` }).waitFor()
  await page.getByText('1 of 2 servers are no majority').waitFor()
  await button(page, `Remove ${name}`).first().click()
  await page.getByText('Items without a copy').waitFor()
  const send = button(page, 'Remove')
  assert.equal(await send.isDisabled(), true)
  await page.getByLabel('Type the name of the server').fill(name)
  await send.click()
  await page.getByText('was failed over and is down').waitFor()
  await button(page, 'Rebalance without it').first().click()
  await page.getByText(`${name} leaves the cluster at the end.`).waitFor()
  await button(page, 'Start the rebalance').click()
  await page.getByRole('heading', { name: '1 of 1 up' }).waitFor()
}

async function addAndRebalance(page: Page, name: string): Promise<void> {
  await button(page, 'Add a server').first().click()
  const server = page.getByLabel('Server', { exact: true })
  await server.fill('127.0.0.1:1')
  await button(page, 'Add the server').click()
  await page.locator('[aria-invalid=true]').waitFor()
  await server.fill(name)
  await button(page, 'Add the server').click()
  await page.getByRole('heading', { name: '2 of 2 up' }).waitFor()
  await button(page, 'Rebalance').first().click()
  await page.getByText('Copies to make').waitFor()
  await button(page, 'Start the rebalance').click()
  await page.getByText('The rebalance is done').waitFor()
}

async function play(store: LocalStore, writer: KeyWriter): Promise<void> {
  const [first, second] = store.nodes
  assert.ok(first && second)
  await withBrowser(store, async (visit) => {
    const { page, open, check, shoot } = await visit()
    await open(first, '#/servers')
    await logIn(page)
    await head(page, 'Servers').waitFor()
    await page.getByRole('heading', { name: '2 of 2 up' }).waitFor()
    await store.kill(2)
    await page.getByRole('heading', { name: 'does not answer' }).waitFor()
    await check()
    await shoot('servers-dead')
    await removeTheDead(page, addressOf(second))
    await writer.more(KEYS, SOON_MS)
    const third = await store.addNode()
    await addAndRebalance(page, addressOf(third))
    await check()
    await writer.more(KEYS, SOON_MS)
  })
  const nodes = await new StoreAdmin(store).nodes(first)
  const [, , third] = store.nodes
  assert.ok(third)
  const held = nodes.map(({ hostname }) => hostname).sort()
  assert.deepEqual(held, [addressOf(first), addressOf(third)].sort())
  await store.untilFullCopies(SOON_MS)
}

async function formOfTwo(store: LocalStore): Promise<void> {
  await store.form()
  const second = await store.addNode()
  await store.add(second)
  const admin = new StoreAdmin(store)
  await until('the second knows the cluster', SOON_MS, async () => {
    return (await admin.nodes(second).catch(() => [])).length === 2
  })
  await store.rebalance()
  await store.untilFullCopies(SOON_MS)
}

test('of two servers one dies: it is removed, the cluster rebalanced, another one added', {
  skip: missingForConsole(),
}, async (t) => {
  await onStage(t, { nodes: 1, formed: false }, async ({ store, apps }) => {
    await formOfTwo(store)
    const { port } = await apps.addProxy(store.streamUrls())
    const writer = KeyWriter.start({ port, name: 'key', lanes: 2 })
    try {
      await writer.more(KEYS, SOON_MS)
      await play(store, writer)
    } finally {
      await writer.stop()
    }
  })
})
