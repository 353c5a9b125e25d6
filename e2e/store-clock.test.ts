// The clock of one node jumps by an hour and back while the store serves: nothing fails over, its
// gateway goes on, writes of either side are in order, and an alert says which clock is off.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import type { NodeHosts, StoreNode } from '../packages/holdfast/src/picture/local-store.ts'
import { missing, onStage, projectRoot } from './harness/stage.ts'
import { StoreAdmin } from './harness/store-admin.ts'
import { TextClient } from './harness/text-client.ts'
import { until } from './harness/until.ts'

const SOON_MS = 120_000
const HOUR_MS = 3_600_000
const JUMPING = 2
const CLOCK = pathToFileURL(join(projectRoot, 'e2e', 'harness', 'jumping-clock.ts')).href

const skip = missing('engine')

/** One node, with its gateway, has a clock of its own. */
function hostsWith(clockFile: string): NodeHosts {
  const environment = [`NODE_OPTIONS=--import=${CLOCK}`, `HOLDFAST_TEST_CLOCK=${clockFile}`]
  return {
    host: () => '127.0.0.1',
    launcher: (number) => (number === JUMPING ? ['env', ...environment] : []),
  }
}

async function isToldOf(admin: StoreAdmin, at: StoreNode): Promise<boolean> {
  const { current } = (await admin.get('/alerts', at)) as { current: object[] }
  return JSON.stringify(current).includes('The clock of node')
}

/** Writes by one gateway and reads by the other, in turn, many times. */
async function writeInTurn(nodes: readonly StoreNode[]): Promise<void> {
  const clients = await Promise.all(nodes.map(({ ports }) => TextClient.open(ports.gateway)))
  for (let n = 0; n < 40; n++) {
    const [writer, reader] = n % 2 === 0 ? clients : clients.toReversed()
    assert.equal(await writer?.set('turn', `value ${n}`), 'STORED')
    assert.equal(await reader?.get('turn'), `value ${n}`)
    const item = await reader?.ask('gets turn\r\n', 'END\r\n')
    const cas = /^VALUE turn 0 \d+ (\d+)/.exec(item ?? '')?.[1]
    assert.equal(await writer?.ask(`cas turn 0 0 1 ${cas}\r\nx\r\n`), 'STORED')
    assert.equal(await reader?.ask(`cas turn 0 0 1 ${cas}\r\ny\r\n`), 'EXISTS')
    assert.equal(await reader?.get('turn'), 'x')
  }
  for (const client of clients) client.close()
}

test('a clock that jumps by an hour, and back, fails nothing over and puts no writes out of order', {
  skip,
}, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-clock-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const clockFile = join(folder, 'clock')
  await onStage(t, { nodes: 3, hosts: hostsWith(clockFile) }, async ({ store }) => {
    const admin = new StoreAdmin(store)
    const [first, second] = store.nodes
    assert.ok(first && second)
    const failovers = async () => {
      return ((await admin.get('/settings/autoFailover')) as { count: number }).count
    }
    await writeInTurn([first, second])
    const before = await failovers()
    assert.equal(await isToldOf(admin, first), false)
    for (const offMs of [HOUR_MS, -HOUR_MS]) {
      writeFileSync(clockFile, String(offMs))
      await until('the alert is there', SOON_MS, () => isToldOf(admin, first))
      await writeInTurn([first, second])
    }
    writeFileSync(clockFile, '0')
    await until('the alert is over', SOON_MS, async () => !(await isToldOf(admin, first)))
    await writeInTurn([second, first])
    assert.equal(await failovers(), before)
    await store.untilFullCopies(SOON_MS)
  })
})
