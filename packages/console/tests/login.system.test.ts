import assert from 'node:assert/strict'
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
  test(`the login page is whole (${view})`, options, () =>
    withPage(browser, { view, user: null }, async ({ page, open, shoot }) => {
      await open('')
      await page.getByRole('heading', { name: 'Holdfast' }).waitFor()
      await checkPage(page)
      await shoot('login')
    }),
  )
}

test('a wrong password is told in words and what was typed stays', options, () =>
  withPage(browser, { user: null }, async ({ page, open }) => {
    await open('#/servers')
    await page.getByLabel('User').fill('admin')
    await page.getByLabel('Password').fill('wrong')
    await page.getByRole('button', { name: 'Log in' }).click()
    await page.getByText('User name or password is wrong').waitFor()
    assert.equal(await page.getByLabel('User').inputValue(), 'admin')
    await checkPage(page)
    await page.getByLabel('Password').fill('holdfast')
    await page.getByRole('button', { name: 'Log in' }).click()
    await page.getByRole('heading', { name: 'Servers', level: 1 }).waitFor()
  }),
)

test('an expired login says so and comes back to the same page', options, () =>
  withPage(browser, {}, async ({ mock, page, open }) => {
    await open('#/buckets')
    await page.getByRole('heading', { name: 'Buckets', level: 1 }).waitFor()
    mock.api.logins.expireAll()
    await page.getByText('The login has ended').waitFor()
    await checkPage(page)
    await page.getByLabel('User').fill('admin')
    await page.getByLabel('Password').fill('holdfast')
    await page.getByRole('button', { name: 'Log in' }).click()
    await page.getByRole('heading', { name: 'Buckets', level: 1 }).waitFor()
  }),
)

test('logging out ends the login and says so', options, () =>
  withPage(browser, {}, async ({ page }) => {
    await page.getByRole('button', { name: 'User admin' }).click()
    await checkPage(page)
    await page.getByRole('button', { name: 'Log out' }).click()
    await page.getByText('You have logged out.').waitFor()
  }),
)
