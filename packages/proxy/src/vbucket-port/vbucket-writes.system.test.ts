import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { until } from '@holdfast/client/testing'
import { BinaryStatus, Opcode } from '@holdfast/protocol'
import type { VBucketClient, VBucketFields } from '../testing/vbucket-client.ts'
import { keyHere, VBucketStage } from '../testing/vbucket-stage.ts'
import { Feature } from './features.ts'

const NO_EXTRAS = '0000000000000000'
const DURABLE = '1101'
const PERSISTED = '1102'

describe('writes at a vBucket port', () => {
  let stage: VBucketStage
  const open = (...features: number[]): Promise<VBucketClient> => stage.open(...features)

  before(async () => {
    stage = await VBucketStage.raise()
    stage.store.publish()
    await stage.proxy.ready
  })

  after(async () => {
    await stage?.strike()
  })

  test('a write of a majority is stored on the replica, what cannot be proved is refused', async () => {
    const client = await open(Feature.AlternativeRequest, Feature.SyncReplication)
    const key = keyHere('durable')
    const ask = async (frames: string, fields: VBucketFields = {}, opcode: number = Opcode.Set) => {
      const extras = opcode === Opcode.Set ? { extras: NO_EXTRAS } : {}
      return (await client.ask(opcode, { key, frames, ...extras, ...fields })).status
    }
    assert.equal(await ask(DURABLE, { value: 'd' }), BinaryStatus.Success)
    assert.equal(await ask('13012328', { value: 'd' }), BinaryStatus.Success)
    assert.equal(await ask(PERSISTED), BinaryStatus.DurabilityImpossible)
    assert.equal(await ask('1103'), BinaryStatus.DurabilityImpossible)
    assert.equal(await ask('1104'), BinaryStatus.DurabilityInvalidLevel)
    assert.equal(await ask('50'), BinaryStatus.UnknownFrame)
    assert.equal(await ask('1301'), BinaryStatus.InvalidArguments)
    assert.equal(await ask(DURABLE, {}, Opcode.Get), BinaryStatus.InvalidArguments)
    assert.equal(await ask('', {}, Opcode.Get), BinaryStatus.Success)
    stage.store.publish({ rev: 2, degraded: true })
    await until('the shard is degraded', async () => {
      return (await ask(DURABLE)) === BinaryStatus.DurabilityImpossible
    })
    assert.equal((await client.ask(Opcode.Set, { key, extras: NO_EXTRAS })).status, 0)
    stage.store.publish({ rev: 3 })
    await until('it is whole again', async () => (await ask(DURABLE)) === BinaryStatus.Success)
  })

  test('a durable write whose replica is lost meanwhile is ambiguous, not done', async () => {
    const client = await open(Feature.AlternativeRequest, Feature.SyncReplication)
    const key = keyHere('ambiguous')
    const replica = stage.engines.shards[0]?.[1]
    assert.ok(replica)
    await client.ask(Opcode.Get, { key })
    replica.process.kill('SIGSTOP')
    try {
      const asked = client.ask(Opcode.Set, { key, frames: DURABLE, extras: NO_EXTRAS, value: 'x' })
      await until('the write waits for its replica', async () => {
        const response = await fetch(`http://${stage.proxy.httpAddress}/metrics`)
        return /short_waits\S* [1-9]/.test(await response.text())
      })
      stage.store.publish({ rev: 4, degraded: true })
      assert.equal((await asked).status, BinaryStatus.SyncWriteAmbiguous)
    } finally {
      replica.process.kill('SIGCONT')
    }
    stage.store.publish({ rev: 5 })
  })

  test('a locked item yields to nobody but who has its lock', async () => {
    const [one, other] = [await open(Feature.ExtendedErrors), await open(Feature.ExtendedErrors)]
    const old = await open()
    const key = keyHere('locked')
    const first = await one.ask(Opcode.Set, { key, extras: NO_EXTRAS, value: '1' })
    const locked = await one.ask(Opcode.GetLocked, { key, extras: '0000001e' })
    assert.equal(locked.status, BinaryStatus.Success)
    assert.equal(locked.text, '1')
    assert.notEqual(locked.cas, first.cas)
    const refused = async (opcode: number, fields: VBucketFields = {}): Promise<void> => {
      const reply = await other.ask(opcode, { key, ...fields })
      assert.equal(reply.status, BinaryStatus.Locked, `opcode ${opcode}`)
    }
    await refused(Opcode.GetLocked)
    await refused(Opcode.Set, { extras: NO_EXTRAS, value: '2' })
    await refused(Opcode.Set, { extras: NO_EXTRAS, value: '2', cas: first.cas })
    await refused(Opcode.Add, { extras: NO_EXTRAS })
    await refused(Opcode.Replace, { extras: NO_EXTRAS })
    await refused(Opcode.Append, { value: 'x' })
    await refused(Opcode.Delete)
    await refused(Opcode.Delete, { cas: first.cas })
    await refused(Opcode.Touch, { extras: '00000001' })
    await refused(Opcode.Gat, { extras: '00000001' })
    await refused(Opcode.Incr, { extras: '0'.repeat(40) })
    await refused(Opcode.Unlock, { cas: first.cas })
    const told = await old.ask(Opcode.Set, { key, extras: NO_EXTRAS })
    assert.equal(told.status, BinaryStatus.TemporaryFailure)
    const seen = await other.ask(Opcode.Get, { key })
    assert.equal(seen.text, '1')
    assert.equal(seen.cas, first.cas)
    assert.equal((await one.ask(Opcode.Unlock, { key, cas: locked.cas })).status, 0)
    const twice = await one.ask(Opcode.Unlock, { key, cas: locked.cas })
    assert.equal(twice.status, BinaryStatus.NotLocked)
    const again = await other.ask(Opcode.GetLocked, { key })
    const written = { key, extras: NO_EXTRAS, value: '3', cas: again.cas }
    assert.equal((await other.ask(Opcode.Replace, written)).status, BinaryStatus.Success)
    assert.equal((await one.ask(Opcode.Set, { key, extras: NO_EXTRAS })).status, 0)
    const missing = await one.ask(Opcode.GetLocked, { key: keyHere('missing') })
    assert.equal(missing.status, BinaryStatus.KeyNotFound)
  })

  test('a lock ends by itself', async () => {
    const client = await open(Feature.ExtendedErrors)
    const key = keyHere('short')
    await client.ask(Opcode.Set, { key, extras: NO_EXTRAS })
    await client.ask(Opcode.GetLocked, { key, extras: '00000001' })
    const write = async (): Promise<number> => {
      return (await client.ask(Opcode.Set, { key, extras: NO_EXTRAS })).status
    }
    assert.equal(await write(), BinaryStatus.Locked)
    await until('the lock is over', async () => (await write()) === BinaryStatus.Success)
  })
})
