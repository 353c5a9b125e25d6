import { test } from 'node:test'
import { checkPage, usesBrowser, VIEWS, withPage } from './browser.ts'

const options = usesBrowser()

for (const view of VIEWS) {
  test(`the picture shows a failover as it happens, and tells it (${view})`, options, () =>
    withPage({ view }, async ({ mock, page, open, shoot }) => {
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
