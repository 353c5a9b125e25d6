import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MemcachedProcess, until } from '@holdfast/client/testing'
import { type GatedOptions, startGatedSite } from '../test-support/gated-site.ts'
import { AWAY_AFTER_MS, Browser } from '../test-support/test-site.ts'

test('when its store node dies, requests of a session lock on the node that it moves to', async (t) => {
  const nodes = [await MemcachedProcess.start(), await MemcachedProcess.start()]
  const [n1, n2] = nodes
  const address = `n1:${n1?.address} n2:${n2?.address}`
  const options: GatedOptions = {
    lockingMode: 'all',
    operationTimeout: AWAY_AFTER_MS,
    storeWait: AWAY_AFTER_MS,
  }
  const sites = [await startGatedSite(address, options), await startGatedSite(address, options)]
  t.after(async () => {
    for (const site of sites) await site.close()
    for (const node of nodes) await node.kill()
  })
  const urls = sites.map(({ url }) => url)
  const browser = new Browser()
  const page = await browser.get(`${urls[0]}/slow-count`)
  assert.equal(page.json.count, 1)
  const [old, next] = browser.sessionId.endsWith('-n1') ? [n1, 'n2'] : [n2, 'n1']
  await old?.kill()
  let moved: unknown
  await until('the session has moved', async () => {
    moved = (await browser.get(`${urls[0]}/slow-count`)).json.count
    return browser.sessionId.endsWith(`-${next}`)
  })
  await until('the other server knows', async () => {
    moved = (await browser.get(`${urls[1]}/slow-count`)).json.count
    return moved !== undefined
  })
  const counts = await Promise.all(
    Array.from({ length: 10 }, (_, n) => browser.get(`${urls[n % 2]}/slow-count`)),
  )
  assert.deepEqual(
    counts.map(({ json }) => Number(json.count)).toSorted((a, b) => a - b),
    Array.from({ length: 10 }, (_, n) => Number(moved) + 1 + n),
  )
})
