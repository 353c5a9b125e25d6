// The first hour of a cluster in the web console: one node is set up with the wizard, a second one
// joins it, and a login that nobody uses ends after its time.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import type { Page } from 'playwright-core'
import { addressOf, type NodeHosts } from '../packages/holdfast/src/picture/local-store.ts'
import { button, head, logIn, missingForConsole, withBrowser } from './harness/browser.ts'
import { onStage, projectRoot } from './harness/stage.ts'

const HOUR_MS = 3_600_000
const CLOCK = pathToFileURL(join(projectRoot, 'e2e', 'harness', 'jumping-clock.ts')).href
const USER = 'admin'
const PASSWORD = 'long enough'

/** The first node has a clock of its own. */
function hostsWith(clockFile: string): NodeHosts {
  const environment = [`NODE_OPTIONS=--import=${CLOCK}`, `HOLDFAST_TEST_CLOCK=${clockFile}`]
  return {
    host: () => '127.0.0.1',
    launcher: (number) => (number === 1 ? ['env', ...environment] : []),
  }
}

async function setUp(page: Page, check: () => Promise<void>): Promise<void> {
  await head(page, 'Set up this node').waitFor()
  await check()
  await button(page, 'Next').click()
  await head(page, 'Admin of the cluster').waitFor()
  await page.getByLabel('User name').fill(USER)
  for (const password of ['short', PASSWORD]) {
    await page.getByLabel('Password', { exact: true }).fill(password)
    await page.getByLabel('Password again').fill(password)
    await button(page, 'Next').click()
    if (password === 'short') await page.locator('[aria-invalid=true]').waitFor()
  }
  await head(page, 'Memory').waitFor()
  await page.getByLabel('Memory per node').fill('1')
  await button(page, 'Next').click()
  await page.locator('[aria-invalid=true]').waitFor()
  await page.getByLabel('Memory per node').fill('512')
  await button(page, 'Next').click()
  await head(page, 'First bucket').waitFor()
  await page.getByLabel('Name').fill('two words')
  await button(page, 'Create and finish').click()
  await page.locator('[aria-invalid=true]').waitFor()
  await check()
  await page.getByLabel('Name').fill('shop')
  await button(page, 'Create and finish').click()
  await head(page, 'Overview').waitFor()
  await page.getByRole('link', { name: 'shop', exact: true }).waitFor()
}

async function joinCluster(page: Page, address: string): Promise<void> {
  await page.getByLabel('A node of a cluster that exists').check()
  await button(page, 'Next').click()
  await page.getByLabel('Any node of the cluster').fill(address)
  await page.getByLabel('Admin of that cluster').fill(USER)
  await page.getByLabel('Password').fill('wrong one')
  await button(page, 'Join').click()
  await page.locator('[aria-invalid=true]').waitFor()
  await page.getByLabel('Password').fill(PASSWORD)
  await button(page, 'Join').click()
  await page.getByRole('link', { name: 'Go to Servers' }).waitFor()
}

test('the wizard makes a cluster and joins a second node; a login that is not used ends', {
  skip: missingForConsole(),
}, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-clock-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const clockFile = join(folder, 'clock')
  const cast = { nodes: 2, formed: false, hosts: hostsWith(clockFile) }
  await onStage(t, cast, async ({ store }) => {
    const [first, second] = store.nodes
    assert.ok(first && second)
    await withBrowser(store, async (visit) => {
      const { page, open, check, shoot } = await visit()
      await open(first)
      await setUp(page, check)
      const other = await visit()
      await other.open(second)
      await head(other.page, 'Set up this node').waitFor()
      await other.shoot('wizard')
      await joinCluster(other.page, addressOf(first))
      await other.check()
      await page.getByText('2 of 2 up').waitFor()

      writeFileSync(clockFile, String(HOUR_MS))
      await page.getByText('The login has ended').waitFor()
      await check()
      await shoot('login-ended')
      await logIn(page, USER, PASSWORD)
      await head(page, 'Overview').waitFor()
      await page.getByText('2 of 2 up').waitFor()
    })
  })
})
