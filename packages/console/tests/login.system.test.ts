import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkPage, usesBrowser, VIEWS, withPage } from './browser.ts'

const options = usesBrowser()

for (const view of VIEWS) {
  test(`the login page is whole (${view})`, options, () =>
    withPage({ view, user: null }, async ({ page, open, shoot }) => {
      await open('')
      await page.getByRole('heading', { name: 'Holdfast' }).waitFor()
      await checkPage(page)
      await shoot('login')
    }),
  )
}

test('a wrong password is told in words and what was typed stays', options, () =>
  withPage({ user: null }, async ({ page, open }) => {
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
  withPage({}, async ({ mock, page, open }) => {
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
  withPage({}, async ({ page }) => {
    await page.getByRole('button', { name: 'User admin' }).click()
    await checkPage(page)
    await page.getByRole('button', { name: 'Log out' }).click()
    await page.getByText('You have logged out.').waitFor()
  }),
)
