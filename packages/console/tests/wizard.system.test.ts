import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkPage, usesBrowser, VIEWS, withPage } from './browser.ts'

const options = usesBrowser()

for (const view of VIEWS) {
  test(`the wizard makes a cluster: admin, memory, bucket (${view})`, options, () =>
    withPage({ view, fresh: true, nodes: 1 }, async ({ mock, page, open, shoot }) => {
      await open('')
      await page.getByRole('heading', { name: 'Set up this node' }).waitFor()
      await checkPage(page)
      await shoot('wizard-start')
      await page.getByRole('button', { name: 'Next' }).click()
      await page.getByRole('heading', { name: 'Admin of the cluster' }).waitFor()
      await page.getByLabel('Password', { exact: true }).fill('short')
      await page.getByLabel('Password again').fill('short')
      await page.getByRole('button', { name: 'Next' }).click()
      await page.getByText('at least six characters').waitFor()
      await checkPage(page)
      await shoot('wizard-admin')
      await page.getByLabel('Password', { exact: true }).fill('long enough')
      await page.getByLabel('Password again').fill('long enough')
      await page.getByRole('button', { name: 'Next' }).click()
      await page.getByRole('heading', { name: 'Memory' }).waitFor()
      await page.getByLabel('Memory per node').fill('100')
      await page.getByRole('button', { name: 'Next' }).click()
      await page.getByText('The RAM Quota value is too small').waitFor()
      await checkPage(page)
      await page.getByLabel('Memory per node').fill('2048')
      await page.getByRole('button', { name: 'Next' }).click()
      await page.getByRole('heading', { name: 'First bucket' }).waitFor()
      await page.getByLabel('Name').fill('two words')
      await page.getByRole('button', { name: 'Create and finish' }).click()
      await page.getByText('Bucket name can only contain').waitFor()
      await checkPage(page)
      await shoot('wizard-bucket')
      await page.getByLabel('Name').fill('sessions')
      await page.getByRole('button', { name: 'Create and finish' }).click()
      await page.getByRole('heading', { name: 'Overview', level: 1 }).waitFor()
      await page.getByRole('link', { name: 'sessions', exact: true }).waitFor()
      assert.equal(mock.api.cluster.state.memoryQuota, 2048)
    }),
  )
}

test('a node joins a cluster; what is wrong is told at its field', options, () =>
  withPage({ fresh: true, nodes: 1 }, async ({ page, open, shoot }) => {
    await open('')
    await page.getByLabel('A node of a cluster that exists').check()
    await page.getByRole('button', { name: 'Next' }).click()
    await page.getByRole('button', { name: 'Join' }).click()
    await page.getByText('The address of a node is needed.').waitFor()
    await page.getByLabel('Any node of the cluster').fill('10.0.0.1')
    await page.getByLabel('Password').fill('wrong')
    await page.getByRole('button', { name: 'Join' }).click()
    await page.getByText('user or password is wrong').waitFor()
    await checkPage(page)
    await shoot('wizard-join')
    await page.getByLabel('Password').fill('holdfast')
    await page.getByRole('button', { name: 'Join' }).click()
    const link = page.getByRole('link', { name: 'Go to Servers' })
    await link.waitFor()
    assert.equal(await link.getAttribute('href'), 'http://10.0.0.1:8091/ui/#/servers')
    await checkPage(page)
  }),
)
