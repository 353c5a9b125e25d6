import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkPage, usesBrowser, VIEWS, withPage } from './browser.ts'

const options = usesBrowser()

for (const view of VIEWS) {
  test(`all settings are shown (${view})`, options, () =>
    withPage({ view }, async ({ page, open, shoot }) => {
      await open('#/settings')
      for (const name of ['Automatic failover', 'Memory', 'Alerts', 'Users', 'Proxies', 'TLS']) {
        await page.getByRole('heading', { name, level: 2 }).waitFor()
      }
      await page.getByRole('heading', { name: /^Read-only user/ }).waitFor()
      await checkPage(page)
      await shoot('settings')
    }),
  )
}

test('what the REST refuses is told at its field, and what was typed stays', options, () =>
  withPage({}, async ({ mock, page, open }) => {
    await open('#/settings')
    const form = page.getByRole('form', { name: 'Automatic failover' })
    const timeout = form.getByLabel('After')
    await timeout.fill('0.1')
    await form.getByRole('button', { name: 'Save' }).click()
    await form.getByText('The value of "timeout" must be').waitFor()
    assert.equal(await timeout.inputValue(), '0.1')
    assert.equal(await timeout.getAttribute('aria-invalid'), 'true')
    await timeout.fill('2.5')
    await form.getByRole('button', { name: 'Save' }).click()
    await page.getByText('Automatic failover is saved.').waitFor()
    assert.equal(mock.api.cluster.state.autoFailover.timeout, 2.5)

    const memory = page.getByRole('form', { name: 'Memory' })
    await memory.getByLabel('For buckets').fill('3')
    await memory.getByRole('button', { name: 'Save' }).click()
    await memory.getByText('The RAM Quota value is too small.').waitFor()
    await checkPage(page)
  }),
)

test('alerts: a wrong port at its field, then a webhook and fewer kinds are saved', options, () =>
  withPage({}, async ({ mock, page, open }) => {
    await open('#/settings')
    const form = page.getByRole('form', { name: 'Alerts' })
    await form.getByLabel('Port').fill('70000')
    await form.getByLabel('Webhook').fill('https://ops.example/alerts')
    await form.getByLabel('Clocks of members differ').uncheck()
    await form.getByRole('button', { name: 'Save' }).click()
    await form.getByText('emailPort must be').waitFor()
    await form.getByLabel('Port').fill('587')
    await form.getByRole('button', { name: 'Save' }).click()
    await page.getByText('Alerts are saved.').waitFor()
    const { alertSettings } = mock.api.cluster.state
    assert.equal(alertSettings.webhookUrl, 'https://ops.example/alerts')
    assert.equal(alertSettings.emailServer.port, 587)
    assert.ok(!alertSettings.alerts.includes('clock_skew') && alertSettings.alerts.includes('disk'))
  }),
)

test('a read-only user is made, changed and removed; the reader can change nothing', options, () =>
  withPage({}, async ({ mock, page, open }) => {
    mock.api.cluster.state.reader = null
    await open('#/settings')
    const form = page.getByRole('form', { name: 'Read-only user' })
    await form.getByLabel('Name').fill('watcher')
    await form.getByLabel('Password').fill('123')
    await form.getByRole('button', { name: 'Make the user' }).click()
    await form.getByText('The password must be at least six characters.').waitFor()
    await form.getByLabel('Password').fill('123456')
    await form.getByRole('button', { name: 'Make the user' }).click()
    await page.getByRole('heading', { name: 'Read-only user: watcher' }).waitFor()
    await form.getByRole('button', { name: 'Remove' }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByLabel('Type the name').fill('watcher')
    await checkPage(page)
    await dialog.getByRole('button', { name: 'Remove' }).click()
    await form.getByRole('button', { name: 'Make the user' }).waitFor()
    assert.equal(mock.api.cluster.state.reader, null)
  }),
)

test('the reader sees the settings and can change nothing', options, () =>
  withPage({ user: 'reader' }, async ({ page, open }) => {
    await open('#/settings')
    await page.getByText('You may look at everything and change nothing').waitFor()
    const save = page.getByRole('button', { name: 'Save' })
    await save.first().waitFor()
    for (const button of await save.all()) assert.ok(await button.isDisabled())
    await checkPage(page)
  }),
)

test('a token for proxies is shown once and can be removed', options, () =>
  withPage({}, async ({ mock, page, open }) => {
    await open('#/settings')
    await page.getByRole('button', { name: 'Make a token' }).click()
    await page.getByText('a-token-of-the-mock').waitFor()
    await page.getByText('There is a token').waitFor()
    await page.reload()
    await page.getByText('There is a token').waitFor()
    assert.equal(await page.getByText('a-token-of-the-mock').count(), 0)
    assert.ok(mock.api.cluster.state.hasProxyToken)
  }),
)
