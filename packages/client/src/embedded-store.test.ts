import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { EmbeddedStore } from './embedded-store.ts'
import { until } from './testing/engines.ts'
import { TextUpstream } from './testing/text-upstream.ts'
import { Turn } from './turn.ts'

describe('the embedded store', () => {
  let folder: string
  const turn = new Turn()

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'holdfast-store-'))
  })

  after(async () => {
    await rm(folder, { recursive: true, force: true })
  })

  test('keeps items over a restart', async () => {
    const first = new EmbeddedStore({ folder, turn })
    const writer = new TextUpstream(first, turn)
    assert.equal(
      await writer.ask('set kept 9 0 4\r\ngood\r\nset n 0 100 1\r\n5\r\n'),
      'STORED\r\n'.repeat(2),
    )
    writer.close()
    await first.stop()
    const second = new EmbeddedStore({ folder, turn })
    const reader = new TextUpstream(second, turn)
    assert.equal(
      await reader.ask('get kept n\r\nincr n 1\r\n'),
      'VALUE kept 9 4\r\ngood\r\nVALUE n 0 1\r\n5\r\nEND\r\n6\r\n',
    )
    reader.close()
    await second.stop()
  })

  test('an expired item is a miss at once and is swept later', async () => {
    const store = new EmbeddedStore({ folder, turn })
    const upstream = new TextUpstream(store, turn)
    await upstream.ask(
      'flush_all\r\nset e1 0 1 1\r\nx\r\nset e2 0 1 1\r\nx\r\ntouch e2 100\r\nset e3 0 0 1\r\nx\r\n',
    )
    assert.equal(store.itemCount, 3)
    await until('expired', async () => (await upstream.ask('get e1\r\n')) === 'END\r\n')
    store.sweep()
    assert.equal(store.itemCount, 2)
    assert.equal(
      await upstream.ask('get e1 e2 e3\r\n'),
      'VALUE e2 0 1\r\nx\r\nVALUE e3 0 1\r\nx\r\nEND\r\n',
    )
    upstream.close()
    await store.stop()
  })

  test('what is outstanding when it stops is answered', async () => {
    const store = new EmbeddedStore({ folder, turn })
    const upstream = new TextUpstream(store, turn)
    const answer = upstream.ask('set late 0 0 1\r\nx\r\n')
    await store.stop()
    assert.equal(await answer, 'STORED\r\n')
    assert.equal(await upstream.ask('get late\r\n'), 'SERVER_ERROR proxy is stopping\r\n')
    upstream.close()
  })
})
