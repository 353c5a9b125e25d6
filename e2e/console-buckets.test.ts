// The life of a bucket in the web console of a real node: made after a wrong name, changed,
// flushed, deleted, each as the node then tells it.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { button, head, logIn, missingForConsole, withBrowser } from './harness/browser.ts'
import { onStage } from './harness/stage.ts'
import { StoreAdmin } from './harness/store-admin.ts'
import { until } from './harness/until.ts'

const SOON_MS = 120_000
const NAME = 'carts'
const MEGABYTE = 1024 * 1024

interface Bucket {
  readonly name: string
  readonly quota: { readonly rawRAM: number }
}

test('a bucket is made after a wrong name was refused, changed, flushed and deleted', {
  skip: missingForConsole(),
}, async (t) => {
  await onStage(t, { nodes: 3 }, async ({ store }) => {
    const [node] = store.nodes
    assert.ok(node)
    const admin = new StoreAdmin(store)
    const bucket = async (): Promise<Bucket | undefined> => {
      const all = (await admin.get('/pools/default/buckets')) as Bucket[]
      return all.find(({ name }) => name === NAME)
    }
    await withBrowser(store, async (visit) => {
      const { page, open, check } = await visit()
      await open(node, '#/buckets')
      await logIn(page)
      await button(page, 'Create a bucket').first().click()
      const dialog = page.getByRole('dialog')
      const memory = dialog.getByLabel('Memory on each server')
      await memory.fill('128')
      const name = dialog.getByLabel('Name', { exact: true })
      await name.fill('two words')
      await button(dialog, 'Create').click()
      await dialog.locator('[aria-invalid=true]').waitFor()
      await check()
      await name.fill(NAME)
      await dialog.getByLabel('Refuse', { exact: false }).last().check()
      await button(dialog, 'Create').click()
      await head(page, NAME).waitFor()
      assert.equal((await bucket())?.quota.rawRAM, 128 * MEGABYTE)

      await button(page, 'Edit').click()
      await memory.fill('160')
      await button(dialog, 'Save').click()
      await dialog.waitFor({ state: 'detached' })
      assert.equal((await bucket())?.quota.rawRAM, 160 * MEGABYTE)
      for (const action of ['Flush', 'Delete']) {
        await button(page, action).click()
        await dialog.getByLabel('Type the name').fill(NAME)
        await button(dialog, action).click()
        await dialog.waitFor({ state: 'detached' })
      }
      await head(page, 'Buckets').waitFor()
      await until('it is gone', SOON_MS, async () => (await bucket()) === undefined)
    })
  })
})
