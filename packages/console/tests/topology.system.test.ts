import { after, before, test } from 'node:test'
import type { Browser } from 'playwright-core'
import { checkPage, hasBrowser, startBrowser, VIEWS, withPage } from './browser.ts'

const options = hasBrowser ? {} : { skip: 'there is no Chromium here' }
let browser: Browser

before(async () => {
  if (hasBrowser) browser = await startBrowser()
})
after(() => browser?.close())

for (const view of VIEWS) {
  test(`the picture shows a failover as it happens, and tells it (${view})`, options, () =>
    withPage(browser, { view }, async ({ mock, page, open, shoot }) => {
      await open('#/topology')
      await page.getByRole('img', { name: '3 of them up' }).waitFor()
      await page.locator('.cell.primary').first().waitFor()
      await checkPage(page)
      await shoot('topology')
      const { cluster } = mock.api
      const third = cluster.state.nodes[2]
      if (third) cluster.kill(third)
      await page.getByText(`Server ${third?.hostname}: does not answer.`).waitFor()
      await page.getByRole('img', { name: '2 of them up' }).waitFor()
      await page
        .getByText(/primar(y|ies) moved from/)
        .first()
        .waitFor()
      await checkPage(page)
      await shoot('topology-failover')
      await page
        .getByText(/in sync on/)
        .first()
        .waitFor()
      await page.getByRole('img', { name: 'The cluster is healthy' }).waitFor()
    }),
  )
}
