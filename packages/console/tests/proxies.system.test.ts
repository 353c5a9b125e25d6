import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkPage, usesBrowser, VIEWS, withPage } from './browser.ts'

const options = usesBrowser()

for (const view of VIEWS) {
  test(`proxies are shown with their state and figures (${view})`, options, () =>
    withPage({ view }, async ({ page, open, shoot }) => {
      await open('#/proxies')
      await page.getByRole('heading', { name: 'Proxies', level: 1 }).waitFor()
      const first = page.getByRole('row').nth(1)
      await first.getByText('web-4.example:11311').waitFor()
      assert.equal(await page.getByText('Silent for').count(), 1)
      assert.ok((await page.getByText('Up to date').count()) >= 5)
      await checkPage(page)
      await shoot('proxies')
    }),
  )
}
