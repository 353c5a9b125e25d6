import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkPage, usesBrowser, VIEWS, withPage } from './browser.ts'

const options = usesBrowser()

for (const view of VIEWS) {
  test(`buckets are listed with their state, memory and disk (${view})`, options, () =>
    withPage({ view }, async ({ page, open, shoot }) => {
      await open('#/buckets')
      await page.getByRole('heading', { name: 'Buckets', level: 1 }).waitFor()
      await page.getByRole('meter', { name: 'Memory of bucket sessions' }).waitFor()
      await page.getByText('All copies there').first().waitFor()
      await checkPage(page)
      await shoot('buckets')
    }),
  )

  test(`a bucket shows charts, servers, shards and settings (${view})`, options, () =>
    withPage({ view }, async ({ page, open, shoot }) => {
      await open('#/buckets/sessions')
      await page.getByRole('heading', { name: 'sessions', level: 1 }).waitFor()
      await page.locator('canvas').nth(7).waitFor()
      assert.equal(await page.locator('canvas').count(), 8)
      await checkPage(page)
      await shoot('bucket-charts')
      for (const name of ['Servers', 'Shards', 'Settings']) {
        await page.getByRole('tab', { name }).click()
        await page.locator('[role=tabpanel] h2').first().waitFor()
        await page.locator('[role=tabpanel] .skeleton').waitFor({ state: 'detached' })
        await checkPage(page)
        await shoot(`bucket-${name.toLowerCase()}`)
      }
    }),
  )

  test(`the form says what a bucket would take before it is made (${view})`, options, () =>
    withPage({ view }, async ({ page, open, shoot }) => {
      await open('#/buckets')
      await page.getByRole('button', { name: 'Create a bucket' }).click()
      const dialog = page.getByRole('dialog')
      await dialog.getByLabel('Memory on each server').fill('1024')
      await dialog.getByText('1 GB on each of 3 servers').waitFor()
      await dialog.getByLabel('Memory on each server').fill('9000')
      await dialog.getByText('too large to be provisioned').waitFor()
      await checkPage(page)
      await shoot('bucket-create')
    }),
  )
}

test('a bucket is made, changed, flushed and deleted', options, () =>
  withPage({}, async ({ mock, page, open }) => {
    const { cluster } = mock.api
    await open('#/buckets')
    await page.getByRole('button', { name: 'Create a bucket' }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByRole('button', { name: 'Create' }).click()
    await dialog.getByText('Bucket name cannot be empty').waitFor()
    const name = dialog.getByLabel('Name', { exact: true })
    assert.equal(await name.evaluate((element) => element === document.activeElement), true)
    await name.fill('shop')
    await dialog.getByLabel('Replicas').selectOption('2')
    await dialog.getByLabel('Refuse', { exact: false }).last().check()
    await dialog.getByRole('button', { name: 'Create' }).click()
    await page.getByRole('heading', { name: 'shop', level: 1 }).waitFor()
    assert.equal(cluster.bucket('shop')?.replicaCount, 2)

    await page.getByRole('button', { name: 'Edit' }).click()
    await dialog.getByLabel('Memory on each server').fill('300')
    await dialog.getByRole('button', { name: 'Save' }).click()
    await dialog.waitFor({ state: 'detached' })
    assert.equal(cluster.bucket('shop')?.ramMegabytes, 300)

    await page.goto(`${page.url().split('#')[0]}#/buckets/carts`)
    await page.getByRole('button', { name: 'Flush' }).click()
    await dialog.getByText('items will be removed').waitFor()
    const flush = dialog.getByRole('button', { name: 'Flush' })
    assert.equal(await flush.isDisabled(), true)
    await dialog.getByLabel('Type the name').fill('carts')
    await flush.click()
    await dialog.waitFor({ state: 'detached' })
    assert.equal(cluster.bucket('carts')?.shards[0]?.items, 0)

    await page.getByRole('button', { name: 'Delete' }).click()
    await dialog.getByText('will be gone').waitFor()
    await dialog.getByLabel('Type the name').fill('carts')
    await dialog.getByRole('button', { name: 'Delete' }).click()
    await page.getByRole('heading', { name: 'Buckets', level: 1 }).waitFor()
    assert.equal(cluster.bucket('carts'), undefined)
  }),
)

test('charts go from a minute to a day, to one server, and can be read as a table', options, () =>
  withPage({}, async ({ page, open }) => {
    await open('#/buckets/sessions?zoom=hour')
    await page.getByRole('button', { name: 'Hour', pressed: true }).waitFor()
    await page.locator('canvas').first().waitFor()
    await page.getByRole('button', { name: 'Day', exact: true }).click()
    await page.getByLabel('Server').selectOption({ index: 1 })
    await page.waitForURL(/zoom=day&server=/)
    await page.getByRole('button', { name: 'Table' }).click()
    await page.getByRole('columnheader', { name: 'Latency of sets, p99' }).waitFor()
    assert.equal(await page.getByRole('row').count(), 61)
    await page.getByRole('button', { name: 'Charts', exact: true }).click()
    await page.getByRole('button', { name: 'Show as API: Operations' }).click()
    const line = (await page.locator('dialog .api-line').textContent()) ?? ''
    assert.match(line, /buckets\/sessions\/nodes\/.+\/stats\?zoom=day/)
    await page.getByRole('button', { name: 'Close' }).click()
    await page.getByRole('tab', { name: 'Servers' }).click()
    await page.waitForURL(/tab=servers/)
    const server = page.getByRole('rowheader').getByRole('link').last()
    const hostname = await server.textContent()
    await server.click()
    await page.locator('canvas').first().waitFor()
    assert.equal(await page.getByLabel('Server').inputValue(), hostname)
  }),
)

test('a bucket that loses a server says so, and one that is gone leads back', options, () =>
  withPage({}, async ({ mock, page, open }) => {
    const { cluster } = mock.api
    cluster.state.autoFailover.enabled = false
    await open('#/buckets/sessions')
    await page.getByText('All copies there').waitFor()
    const last = cluster.state.nodes.at(-1)
    assert.ok(last)
    cluster.kill(last)
    await page.getByText('have no primary that serves').waitFor()
    await page.getByRole('tab', { name: 'Shards' }).click()
    await page.getByText('server does not answer').first().waitFor()
    await page.goto(`${page.url().split('#')[0]}#/buckets/none`)
    await page.getByText('There is no bucket of this name').waitFor()
    await page.getByRole('link', { name: 'All buckets' }).waitFor()
  }),
)

test('a reader sees everything and is offered no change', options, () =>
  withPage({ user: 'reader' }, async ({ page, open }) => {
    await open('#/buckets/sessions')
    await page.getByRole('tab', { name: 'Charts' }).waitFor()
    assert.equal(await page.getByRole('button', { name: 'Delete' }).count(), 0)
    await open('#/buckets')
    await page.getByRole('link', { name: 'sessions', exact: true }).waitFor()
    assert.equal(await page.getByRole('button', { name: 'Create a bucket' }).count(), 0)
  }),
)
