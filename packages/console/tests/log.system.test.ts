import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkPage, usesBrowser, VIEWS, withPage } from './browser.ts'

const options = usesBrowser()

for (const view of VIEWS) {
  test(`alerts that last are on top, events below, newest first (${view})`, options, () =>
    withPage({ view }, async ({ mock, page, open, shoot }) => {
      await open('#/log')
      await page.getByRole('heading', { name: 'Log and alerts', level: 1 }).waitFor()
      await page.getByText('No alert').waitFor()
      const { cluster } = mock.api
      const last = cluster.state.nodes.at(-1)
      assert.ok(last)
      cluster.kill(last)
      await page.locator('.note[role=alert]').first().waitFor()
      await page.getByText('Not heard: ').waitFor()
      await checkPage(page)
      await shoot('log')
    }),
  )
}

test(
  'events are narrowed by weight and by node, and a filter that leaves none says so',
  options,
  () =>
    withPage({}, async ({ page, open }) => {
      await open('#/log')
      const rows = page.getByRole('row')
      await rows.nth(1).waitFor()
      const all = await rows.count()
      await page.getByRole('button', { name: 'Critical' }).click()
      await page.waitForFunction(
        (before) => document.querySelectorAll('tbody tr').length + 1 < before,
        all,
      )
      const critical = await page.getByText('No event matches').count()
      assert.ok(critical === 1 || (await rows.count()) < all)
      await page.getByRole('button', { name: 'All', exact: true }).click()
      const node = page.getByLabel('Node')
      const name = (await node.locator('option').nth(1).textContent()) ?? ''
      await node.selectOption(name)
      const cells = page.locator('tbody td[data-label=Node]')
      await cells.filter({ hasNotText: name }).first().waitFor({ state: 'detached' })
      assert.ok((await cells.count()) > 0)
    }),
)
