import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkPage, usesBrowser, withPage } from './browser.ts'

const options = usesBrowser()

test('a page whose node dies says so and moves to another, logged in, same place', options, () =>
  withPage({}, async ({ mock, page, open, shoot }) => {
    await open('#/topology')
    await page.getByRole('img', { name: '3 of them up' }).waitFor()
    const { cluster } = mock.api
    const [own] = cluster.state.nodes
    if (own) cluster.kill(own)
    await page.getByText(`Node ${own?.hostname} does not answer.`).waitFor()
    await shoot('stale')
    const others = mock.urls.slice(1)
    await page.waitForURL((url) => others.some((one) => url.href.startsWith(one)))
    await page.getByRole('img', { name: '2 of them up' }).waitFor()
    assert.equal(new URL(page.url()).hash, '#/topology')
    await checkPage(page)
  }),
)

test('a page stays where its node is when that comes back at once', options, () =>
  withPage({ nodes: 1 }, async ({ mock, page, open }) => {
    await open('#/overview')
    await page.getByText('1 of 1 up').waitFor()
    const { cluster } = mock.api
    const [own] = cluster.state.nodes
    assert.ok(own)
    cluster.kill(own)
    await page.getByText('Looking for another node').waitFor()
    await checkPage(page)
    cluster.heal(own)
    await page.getByText('Looking for another node').waitFor({ state: 'detached' })
    await page.getByText('1 of 1 up').waitFor()
  }),
)
