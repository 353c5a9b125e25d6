import { test } from 'node:test'
import { checkPage, usesBrowser, VIEWS, withPage } from './browser.ts'

const options = usesBrowser()

for (const view of VIEWS) {
  test(`the overview is whole when all is well (${view})`, options, () =>
    withPage({ view }, async ({ page, open, shoot }) => {
      await open('#/overview')
      await page.getByText('every copy is there').waitFor()
      await page.locator('.chart canvas').waitFor()
      await page.getByText('3 of 3 up').waitFor()
      await checkPage(page)
      await shoot('overview')
    }),
  )

  test(`the overview says what to do when a node of two has died (${view})`, options, () =>
    withPage({ view, nodes: 2 }, async ({ mock, page, open, shoot }) => {
      await open('#/overview')
      await page.getByText('2 of 2 up').waitFor()
      const { cluster } = mock.api
      const [, second] = cluster.state.nodes
      if (second) cluster.kill(second)
      await page.getByText('Unavailable', { exact: true }).first().waitFor()
      await page.getByRole('link', { name: `Fail over ${second?.hostname}` }).waitFor()
      await page.getByText('only a person can decide').waitFor()
      await checkPage(page)
      await shoot('overview-unavailable')
    }),
  )
}
