/**
 * What page tests share: the mock with the built console, one browser for a file of tests, pages
 * that are logged in, and the checks that every page must pass. `dist/` must have been built.
 */
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { after, before } from 'node:test'
import { AxeBuilder } from '@axe-core/playwright'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'
import { type RunningMock, startMock } from '../src/mock/start-mock.ts'

const CHROMIUM = '/usr/bin/chromium'
const SCREENSHOTS = new URL('../screenshots/', import.meta.url)
const WAIT_MS = 30_000

const hasBrowser = existsSync(CHROMIUM)
let browser: Browser | undefined

/** One browser for the tests of a file; what it returns skips them where there is none. */
export function usesBrowser(): { skip?: string } {
  before(async () => {
    if (hasBrowser) browser = await startBrowser()
  })
  after(() => browser?.close())
  return hasBrowser ? {} : { skip: 'there is no Chromium here' }
}

export type View = 'light' | 'dark' | 'narrow'
export const VIEWS: readonly View[] = ['light', 'dark', 'narrow']

export interface PageTest {
  mock: RunningMock
  page: Page
  /** Goes to an address behind `#`. */
  open: (hash: string) => Promise<void>
  /** Saves a picture in the folder that is not kept. */
  shoot: (name: string) => Promise<void>
}

export interface PageOptions {
  view?: View
  nodes?: number
  fresh?: boolean
  /** Who logs in: the admin unless it says else; null for nobody. */
  user?: 'admin' | 'reader' | null
}

async function startBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: CHROMIUM,
    args: [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  })
}

/** Runs a test with a page of its own; fails on any error of the page, its console or its policy. */
export async function withPage(
  options: PageOptions,
  test: (t: PageTest) => Promise<void>,
): Promise<void> {
  const { view = 'light', user = options.fresh ? null : 'admin' } = options
  assert.ok(browser, 'usesBrowser() comes first')
  const mock = await startMock(options)
  const context = await newContext(browser, view)
  try {
    const page = await context.newPage()
    page.setDefaultTimeout(WAIT_MS)
    const troubles = watchTroubles(page)
    const [url = ''] = mock.urls
    const open = async (hash: string): Promise<void> => {
      await page.goto(`${url}${hash}`)
    }
    if (user !== null) await logIn(page, url, user)
    const shoot = async (name: string): Promise<void> => {
      await mkdir(SCREENSHOTS, { recursive: true })
      const path = new URL(`${name}-${view}.png`, SCREENSHOTS).pathname
      await page.screenshot({ path, fullPage: true })
    }
    await test({ mock, page, open, shoot })
    assert.deepEqual(troubles, [])
  } finally {
    await context.close()
    await mock.stop()
  }
}

async function newContext(browser: Browser, view: View): Promise<BrowserContext> {
  return browser.newContext({
    viewport: view === 'narrow' ? { width: 360, height: 780 } : { width: 1280, height: 860 },
    colorScheme: view === 'dark' ? 'dark' : 'light',
    reducedMotion: 'reduce',
  })
}

/** Collects what must not happen; a request that fails because a node is dead may. */
function watchTroubles(page: Page): string[] {
  const troubles: string[] = []
  page.on('pageerror', (error) => troubles.push(`error: ${error.message}`))
  page.on('console', (message) => {
    const text = message.text()
    const isNetwork = /Failed to load resource|net::ERR_/.test(text)
    if (message.type() === 'error' && !isNetwork) troubles.push(`console: ${text}`)
  })
  page.on('request', (request) => {
    if (!/^(http:\/\/127\.0\.0\.1:|data:)/.test(request.url())) {
      troubles.push(`external request: ${request.url()}`)
    }
  })
  return troubles
}

export async function logIn(page: Page, url: string, user: 'admin' | 'reader'): Promise<void> {
  await page.goto(url)
  await page.getByLabel('User').fill(user)
  await page.getByLabel('Password').fill('holdfast')
  await page.getByRole('button', { name: 'Log in' }).click()
  await page.locator('#content').waitFor()
}

/** No violation that axe can find, and nothing wider than the window. */
export async function checkPage(page: Page): Promise<void> {
  const { violations } = await new AxeBuilder({ page }).analyze()
  const found = violations.map(({ id, help, nodes }) => {
    return `${id}: ${help}: ${nodes.map((n) => `${n.target.join(' ')} ${n.html}`).join(' | ')}`
  })
  assert.deepEqual(found, [])
  const over = await page.evaluate(
    () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
  )
  assert.ok(over <= 0, `the page is ${over} px wider than the window`)
}
