// Chromium for tests of the web console: pages of nodes as a person opens them. Each visit is a
// browser profile of its own, ended with the test, and ends in an error if its page asked anything
// but the cluster's nodes, broke its own policy or wrote an error. Pictures go to the ignored
// folder .holdfast/screenshots.
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { AxeBuilder } from '@axe-core/playwright'
import { type Browser, chromium, type Locator, type Page } from 'playwright-core'
import { consoleFolder } from '../../packages/console/folder.js'
import {
  addressOf,
  type LocalStore,
  STORE_PASSWORD,
  STORE_USER,
  type StoreNode,
} from '../../packages/holdfast/src/picture/local-store.ts'
import { missing, projectRoot } from './stage.ts'

const CHROMIUM = '/usr/bin/chromium'
const SCREENSHOTS = join(projectRoot, '.holdfast', 'screenshots')
const WAIT_MS = 60_000
const WIDE = { width: 1280, height: 860 }
const NARROW = { width: 360, height: 780 }

/** A person at a page; see {@link withBrowser}. */
export interface Visit {
  readonly page: Page
  /** Goes to an address behind `#` at a node. */
  open(node: StoreNode, hash?: string): Promise<void>
  /** No violation that axe can find, and nothing wider than the window. */
  check(): Promise<void>
  /** Saves pictures of what is on show: light, dark and narrow. */
  shoot(name: string): Promise<void>
}

/** Why tests with a browser cannot run here; false when they can. */
export function missingForConsole(): string | false {
  if (!existsSync(CHROMIUM)) return `not installed: ${CHROMIUM}`
  if (!existsSync(join(consoleFolder(), 'index.html'))) return 'the console is not built'
  return missing('engine')
}

/** Runs a test with a browser, which is closed however the test ends. */
export async function withBrowser(
  store: LocalStore,
  play: (visit: () => Promise<Visit>) => Promise<void>,
): Promise<void> {
  const browser = await startBrowser()
  const troubles: string[] = []
  const asked = new Set<string>()
  try {
    await play(() => begin(browser, troubles, asked))
  } catch (error) {
    await shootFailed(browser)
    throw new Error(`with a browser, ${troubles.length} troubles: ${troubles}`, { cause: error })
  } finally {
    await browser.close()
  }
  assert.deepEqual(troubles, [])
  const own = new Set(store.nodes.map(addressOf))
  assert.ok(asked.size > 0)
  assert.deepEqual(
    [...asked].filter((host) => !own.has(host)),
    [],
    'hosts that are no nodes',
  )
}

async function shootFailed(browser: Browser): Promise<void> {
  const pages = browser.contexts().flatMap((context) => context.pages())
  for (const [index, page] of pages.entries()) {
    const path = join(SCREENSHOTS, `failed-${index + 1}.png`)
    await page.screenshot({ path }).catch(() => {})
  }
}

function startBrowser(): Promise<Browser> {
  // The library makes a profile folder for it and removes that when the browser has ended.
  return chromium.launch({
    executablePath: CHROMIUM,
    args: [
      ...['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'],
      ...['--disable-background-networking', '--disable-component-update', '--disable-sync'],
    ],
  })
}

async function begin(browser: Browser, troubles: string[], asked: Set<string>): Promise<Visit> {
  const context = await browser.newContext({ viewport: WIDE, reducedMotion: 'reduce' })
  const page = await context.newPage()
  page.setDefaultTimeout(WAIT_MS)
  page.on('pageerror', ({ message }) => troubles.push(`error: ${message}`))
  page.on('console', (message) => {
    const text = message.text()
    // A refused login and a node that is dead are no fault of the page.
    if (/^Failed to load resource|net::ERR_/.test(text)) return
    if (message.type() === 'error') troubles.push(`console: ${text}`)
  })
  page.on('request', (request) => {
    if (!request.url().startsWith('data:')) asked.add(new URL(request.url()).host)
  })
  return {
    page,
    open: async (node, hash = '') => {
      await page.goto(`http://${addressOf(node)}/ui/${hash}`)
    },
    check: () => checkPage(page),
    shoot: (name) => shoot(page, name),
  }
}

async function checkPage(page: Page): Promise<void> {
  const { violations } = await new AxeBuilder({ page }).analyze()
  const found = violations.map(({ id, help, nodes }) => {
    return `${id}: ${help}: ${nodes.map(({ html }) => html).join(' | ')}`
  })
  assert.deepEqual(found, [])
  const overPx = await page.evaluate(
    'document.documentElement.scrollWidth - document.documentElement.clientWidth',
  )
  assert.ok(Number(overPx) <= 0, `the page is ${overPx} px wider than the window`)
}

async function shoot(page: Page, name: string): Promise<void> {
  await mkdir(SCREENSHOTS, { recursive: true })
  const save = (view: string): Promise<Buffer> => {
    return page.screenshot({ path: join(SCREENSHOTS, `${name}-${view}.png`), fullPage: true })
  }
  await save('light')
  await page.emulateMedia({ colorScheme: 'dark' })
  await save('dark')
  await page.emulateMedia({ colorScheme: 'light' })
  await page.setViewportSize(NARROW)
  await save('narrow')
  await page.setViewportSize(WIDE)
}

/** Fills in the login page that is on show. */
export async function logIn(page: Page, user = STORE_USER, password = STORE_PASSWORD) {
  await page.getByLabel('User').fill(user)
  await page.getByLabel('Password').fill(password)
  await button(page, 'Log in').click()
}

/** A button by its whole name, or a pattern of it. */
export function button(page: Page | Locator, name: string | RegExp): Locator {
  return page.getByRole('button', { name, exact: typeof name === 'string' })
}

/** The head of a page, which says which page is on show. */
export function head(page: Page, name: string): Locator {
  return page.getByRole('heading', { name, level: 1 })
}
