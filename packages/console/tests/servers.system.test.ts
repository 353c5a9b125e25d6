import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Page } from 'playwright-core'
import { checkPage, usesBrowser, VIEWS, withPage } from './browser.ts'

const options = usesBrowser()

function button(page: Page, name: string | RegExp) {
  return page.getByRole('button', { name, exact: typeof name === 'string' })
}

async function isBalanced(page: Page): Promise<void> {
  await page.getByText('Every copy is where it should be.', { exact: true }).waitFor()
}

for (const view of VIEWS) {
  test(`servers are shown with state, load, vBuckets and ports (${view})`, options, () =>
    withPage({ view }, async ({ mock, page, open, shoot }) => {
      await open('#/servers')
      await page.getByRole('heading', { name: 'Servers', level: 1 }).waitFor()
      await page.getByRole('heading', { name: '3 of 3 up' }).waitFor()
      const row = page.getByRole('row', { name: mock.api.cluster.state.nodes[0]?.hostname })
      await row.getByText('leader').waitFor()
      await row.getByText('11211 gateway').waitFor()
      await row.getByRole('meter', { name: 'CPU' }).waitFor()
      await isBalanced(page)
      await page.waitForFunction(
        () => document.querySelector('td[data-label="Ops/s"]')?.textContent !== '',
      )
      await checkPage(page)
      await shoot('servers')
    }),
  )

  test(`a dead server is said with what to do (${view})`, options, () =>
    withPage({ view, nodes: 2 }, async ({ mock, page, open, shoot }) => {
      await open('#/servers')
      await isBalanced(page)
      const dead = mock.api.cluster.state.nodes[1]
      assert.ok(dead)
      mock.api.cluster.kill(dead)
      await page.getByRole('heading', { name: `${dead.hostname} does not answer` }).waitFor()
      await page.getByText('1 of 2 servers are no majority').waitFor()
      await checkPage(page)
      await shoot('servers-dead')
      await button(page, `Remove ${dead.hostname}`).first().click()
      await page.getByText('Items without a copy').waitFor()
      await checkPage(page)
      await shoot('servers-remove')
    }),
  )
}

test('two servers, one dead: remove it, rebalance, and it is gone', options, () =>
  withPage({ nodes: 2 }, async ({ mock, page, open, shoot }) => {
    await open('#/servers')
    await isBalanced(page)
    const { cluster } = mock.api
    const [first, dead] = cluster.state.nodes
    assert.ok(first && dead)
    cluster.kill(dead)
    await page.getByRole('heading', { name: `${dead.hostname} does not answer` }).waitFor()
    await button(page, `Remove ${dead.hostname}`).first().click()
    const send = button(page, 'Remove')
    await page.getByLabel('Type the name of the server').fill('another')
    assert.equal(await send.isDisabled(), true)
    await page.getByLabel('Type the name of the server').fill(dead.hostname)
    await send.click()
    await page.getByText('was failed over and is down').waitFor()
    await shoot('servers-failed-over')
    await button(page, 'Rebalance without it').click()
    await page.getByText(`${dead.hostname} leaves the cluster at the end.`).waitFor()
    await button(page, 'Start the rebalance').click()
    await page.getByRole('heading', { name: '1 of 1 up' }).waitFor()
    await page.getByRole('heading', { name: 'There is one server' }).waitFor()
    assert.deepEqual(
      cluster.state.nodes.map(({ hostname }) => hostname),
      [first.hostname],
    )
    await checkPage(page)
    await shoot('servers-alone')
  }),
)

for (const view of ['light', 'narrow'] as const) {
  test(`what a rebalance moves is seen before it moves, then its progress (${view})`, options, () =>
    withPage({ view }, async ({ mock, page, open, shoot }) => {
      await open('#/servers')
      const leaving = mock.api.cluster.state.nodes[2]?.hostname ?? ''
      await button(page, `Remove ${leaving}`).click()
      await page.getByText('Leaves with the next rebalance').waitFor()
      await button(page, `Keep ${leaving}`).click()
      await isBalanced(page)
      await button(page, `Remove ${leaving}`).click()
      await button(page, 'Rebalance').click()
      await page.getByText('Copies to make').waitFor()
      await page.getByText('steps, one by one').click()
      await checkPage(page)
      await shoot('servers-preview')
      await button(page, 'Start the rebalance').click()
      await page.getByRole('progressbar', { name: 'All servers' }).waitFor()
      await checkPage(page)
      await shoot('servers-rebalance')
      await button(page, 'Stop the rebalance').click()
      await page.getByRole('progressbar').first().waitFor({ state: 'detached' })
      await button(page, /^(Rebalance|Go on with the rebalance)$/).click()
      await button(page, 'Start the rebalance').click()
      await page.getByText('The rebalance is done').waitFor()
      await page.getByRole('heading', { name: '2 of 2 up' }).waitFor()
    }),
  )
}

test('a refused address is said at its field; an added server waits for a rebalance', options, () =>
  withPage({}, async ({ mock, page, open, shoot }) => {
    await open('#/servers')
    await button(page, 'Add a server').click()
    await page.getByText('is wiped when it is added').waitFor()
    const server = page.getByLabel('Server', { exact: true })
    await server.fill('10.0.0.99:8091')
    await button(page, 'Add the server').click()
    await page.getByText('Could not connect to 10.0.0.99:8091').waitFor()
    assert.equal(await server.getAttribute('aria-invalid'), 'true')
    await checkPage(page)
    await shoot('servers-add')
    const [stranger] = mock.api.cluster.state.strangers
    await server.fill(stranger?.hostname ?? '')
    await button(page, 'Add the server').click()
    await page.getByText('gets its share of the data').waitFor()
    await page.getByRole('heading', { name: '4 of 4 up' }).waitFor()
    await button(page, `Cancel adding ${stranger?.hostname}`).click()
    await button(page, 'Take it out').click()
    await page.getByRole('heading', { name: '3 of 3 up' }).waitFor()
  }),
)

test('a server is failed over by name, gracefully or at once, and taken in again', options, () =>
  withPage({}, async ({ mock, page, open, shoot }) => {
    await open('#/servers')
    const { state } = mock.api.cluster
    const name = state.nodes[1]?.hostname ?? ''
    await button(page, `Fail over ${name}`).click()
    await page.getByText('because it has the only copy').waitFor()
    assert.equal(await button(page, 'Fail over at once').isDisabled(), true)
    await button(page, 'Cancel').click()
    state.buckets = state.buckets.filter(({ type }) => type === 'membase')
    await button(page, `Fail over ${name}`).click()
    await page.getByText('every shard has another copy', { exact: true }).waitFor()
    await checkPage(page)
    await shoot('servers-fail-over')
    const send = button(page, 'Fail over gracefully')
    assert.equal(await send.isDisabled(), true)
    await page.getByLabel('Type the name of the server').fill(name)
    await send.click()
    await page.getByText(`${name} was failed over and is up`).waitFor()
    await button(page, `Re-add ${name}`).first().click()
    await page.getByText('gets its share of the data').waitFor()
  }),
)

test('a spent count of automatic failovers is said and can be reset', options, () =>
  withPage({}, async ({ mock, page, open }) => {
    mock.api.cluster.state.autoFailover.count = 1
    await open('#/servers')
    await page.getByText('The next dead server is not failed over by itself').waitFor()
    await button(page, 'Reset the count').first().click()
    await page.getByText('0 of at most 1 in a row').waitFor()
    assert.equal(mock.api.cluster.state.autoFailover.count, 0)
  }),
)

test('groups are made, filled, renamed and deleted', options, () =>
  withPage({}, async ({ mock, page, open }) => {
    await open('#/servers')
    await button(page, 'New group').click()
    const name = page.getByLabel('Name', { exact: true })
    await name.fill('Group 1')
    await button(page, 'Make the group').click()
    await page.getByText('already exists').waitFor()
    await name.fill('rack 2')
    await button(page, 'Make the group').click()
    await button(page, 'Delete rack 2').waitFor()
    await button(page, 'Move servers').click()
    const third = mock.api.cluster.state.nodes[2]
    await page.getByLabel(third?.hostname ?? '', { exact: true }).selectOption('rack 2')
    await button(page, 'Move').click()
    await page.getByText(`1 server: ${third?.hostname}`).waitFor()
    assert.equal(third?.group, 'rack 2')
    await checkPage(page)
    await button(page, 'Rename rack 2').click()
    await name.fill('rack two')
    await button(page, 'Rename').click()
    await page.getByRole('heading', { name: 'rack two' }).waitFor()
    await button(page, 'Move servers').click()
    await page.getByLabel(third?.hostname ?? '', { exact: true }).selectOption('Group 1')
    await button(page, 'Move').click()
    await button(page, 'Delete rack two').click()
    await page.getByRole('heading', { name: 'rack two' }).waitFor({ state: 'detached' })
    assert.deepEqual(mock.api.cluster.state.groups, ['Group 1'])
  }),
)

test('a reader sees everything and no button that changes', options, () =>
  withPage({ user: 'reader' }, async ({ page, open }) => {
    await open('#/servers')
    await page.getByText('changes are for the admin').waitFor()
    await isBalanced(page)
    const names = await page.locator('#content').getByRole('button').allInnerTexts()
    assert.deepEqual(
      names.filter((text) => text !== ''),
      [],
    )
  }),
)
