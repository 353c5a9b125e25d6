// The web console beside three nodes: a wrong password is refused, every page is whole and speaks
// to nobody but the nodes, and a session of a real application is found, looked at and ended.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Page } from 'playwright-core'
import {
  button,
  head,
  logIn,
  missingForConsole,
  type Visit,
  withBrowser,
} from './harness/browser.ts'
import { onStage } from './harness/stage.ts'

const SOON_MS = 120_000
const USER = 'ada'
/** Address behind `#` and head of each page. */
const PAGES = {
  overview: 'Overview',
  servers: 'Servers',
  buckets: 'Buckets',
  'buckets/default': 'default',
  sessions: 'Sessions',
  proxies: 'Proxies',
  topology: 'Topology',
  log: 'Log and alerts',
  settings: 'Settings',
} as const

/** A browser of the application: one cookie. */
class Visitor {
  readonly #url: string
  #cookie = ''

  constructor(port: number) {
    this.#url = `http://127.0.0.1:${port}`
  }

  async ask(method: 'GET' | 'POST', path: string, form?: Record<string, string>): Promise<unknown> {
    const response = await fetch(`${this.#url}${path}`, {
      method,
      headers: { cookie: this.#cookie },
      body: form === undefined ? null : new URLSearchParams(form),
      signal: AbortSignal.timeout(SOON_MS),
    })
    const [given] = response.headers.getSetCookie()
    if (given !== undefined) this.#cookie = given.split(';')[0] ?? ''
    return response.json()
  }

  /** Who the application takes it for. */
  async user(): Promise<string | null> {
    return ((await this.ask('GET', '/session')) as { user: string | null }).user
  }
}

async function refuseThenLogIn({ page, check }: Visit): Promise<void> {
  await logIn(page, 'Administrator', 'wrong')
  await page.getByText('User name or password is wrong').waitFor()
  await check()
  await logIn(page)
  await head(page, 'Overview').waitFor()
}

async function lookAtAllPages({ page, check, shoot }: Visit): Promise<void> {
  for (const [address, title] of Object.entries(PAGES)) {
    await page.evaluate(`location.hash = '#/${address}'`)
    await head(page, title).waitFor()
    await page.locator('#content .skeleton').first().waitFor({ state: 'detached' })
    await check()
    await shoot(address.replace('/', '-'))
  }
}

async function endSession(page: Page, visitor: Visitor): Promise<void> {
  const { id } = (await visitor.ask('POST', '/login', { user: USER })) as { id: string }
  assert.equal(await visitor.user(), USER)
  await page.evaluate(`location.hash = '#/sessions'`)
  await page.getByLabel('Which').selectOption('By id')
  await page.getByLabel('Id of the session').fill(id)
  await button(page, 'Find').click()
  await page.getByRole('heading', { name: '1 session', exact: true }).waitFor()
  await button(page, /^Look at session/).click()
  const dialog = page.getByRole('dialog')
  await button(dialog, 'Show values').click()
  await dialog.getByText(`"${USER}"`).waitFor()
  await button(dialog, 'End the session').click()
  const name = page.getByLabel('Type the name of the session')
  await name.fill((await dialog.locator('form code').first().textContent()) ?? '')
  await button(dialog, 'End the session').click()
  await page.getByText('The session has ended.').waitFor()
  assert.equal(await visitor.user(), null)
}

test('a wrong password is refused, pages are whole, a session of an application is ended', {
  skip: missingForConsole(),
}, async (t) => {
  const cast = { nodes: 3, sessions: { sticky: false, asyncBackup: false } }
  await onStage(t, cast, async ({ store, apps }) => {
    const [node] = store.nodes
    assert.ok(node)
    const { port } = await apps.addProxy(store.streamUrls())
    const app = await apps.addApp(port)
    await withBrowser(store, async (visit) => {
      const someone = await visit()
      await someone.open(node)
      await refuseThenLogIn(someone)
      await someone.page.getByText('Healthy', { exact: true }).first().waitFor()
      await someone.page.getByText('3 of 3 up').waitFor()
      await endSession(someone.page, new Visitor(app.port))
      await lookAtAllPages(someone)
    })
  })
})
