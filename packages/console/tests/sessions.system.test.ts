import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkPage, usesBrowser, VIEWS, withPage } from './browser.ts'

const options = usesBrowser()

for (const view of VIEWS) {
  test(`sessions of a bucket are shown, and one is looked at (${view})`, options, () =>
    withPage({ view }, async ({ page, open, shoot }) => {
      await open('#/sessions')
      await page.getByRole('heading', { name: '50 sessions, there are more' }).waitFor()
      await checkPage(page)
      await shoot('sessions')
      await page.getByRole('button', { name: 'Look at session' }).first().click()
      const dialog = page.getByRole('dialog')
      await dialog.getByText('csrf').waitFor()
      assert.equal(await dialog.getByText('"customer"').count(), 0)
      await dialog.getByRole('button', { name: 'Show values' }).click()
      await dialog.getByText('"editor"').waitFor()
      await checkPage(page)
      await shoot('session')
    }),
  )
}

test('pages follow each other until all are there', options, () =>
  withPage({}, async ({ page, open }) => {
    await open('#/sessions')
    await page.getByRole('button', { name: 'Show more' }).click()
    await page.getByRole('heading', { name: '100 sessions, there are more' }).waitFor()
    await page.getByRole('button', { name: 'Show more' }).click()
    await page.getByRole('heading', { name: '137 sessions', exact: true }).waitFor()
    assert.equal(await page.getByRole('button', { name: 'Show more' }).count(), 0)
  }),
)

test('a session is found by its id, and ended when its name is typed', options, () =>
  withPage({}, async ({ mock, page, open }) => {
    const { state } = mock.api.cluster
    const [wanted] = state.sessions
    assert.ok(wanted)
    await open('#/sessions')
    await page.getByLabel('Which').selectOption('By id')
    await page.getByLabel('Id of the session').fill(wanted.id)
    await page.getByRole('button', { name: 'Find' }).click()
    await page.getByRole('heading', { name: '1 session', exact: true }).waitFor()
    await page.getByRole('button', { name: 'Look at session' }).click()
    await page.getByRole('button', { name: 'End the session' }).click()
    const end = page.getByRole('dialog').getByRole('button', { name: 'End the session' })
    assert.ok(await end.isDisabled())
    await page.getByLabel('Type the name of the session').fill(wanted.id.slice(0, 8))
    await checkPage(page)
    await end.click()
    await page.getByText('The session has ended.').waitFor()
    await page.getByText('No session found').waitFor()
    assert.ok(state.sessions.every(({ id }) => id !== wanted.id))
  }),
)

test('all sessions of a user end together', options, () =>
  withPage({}, async ({ mock, page, open }) => {
    const { state } = mock.api.cluster
    const ofAda = state.sessions.filter(({ user }) => user === 'ada').length
    await open('#/sessions')
    await page.getByLabel('Which').selectOption('By user')
    await page.getByLabel('User', { exact: true }).fill('ada')
    await page.getByRole('button', { name: 'Find' }).click()
    await page.getByRole('heading', { name: `${ofAda} sessions` }).waitFor()
    await page.getByRole('button', { name: 'End all of ada' }).click()
    await page.getByLabel('Type the name of the user').fill('ada')
    await page.getByRole('button', { name: 'End all', exact: true }).click()
    await page.getByText(`${ofAda} sessions of ada ended.`).waitFor()
    assert.equal(state.sessions.filter(({ user }) => user === 'ada').length, 0)
  }),
)

test('the reader sees names and no values, and cannot end a session', options, () =>
  withPage({ user: 'reader' }, async ({ page, open }) => {
    await open('#/sessions')
    await page.getByRole('button', { name: 'Look at session' }).first().click()
    const dialog = page.getByRole('dialog')
    await dialog.getByText('Values are for the admin only.').waitFor()
    assert.equal(await dialog.getByRole('button', { name: 'Show values' }).count(), 0)
    assert.equal(await dialog.getByRole('button', { name: 'End the session' }).count(), 0)
    await checkPage(page)
  }),
)
