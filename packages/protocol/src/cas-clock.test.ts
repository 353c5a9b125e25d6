import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { CasClock, stampTimeMs } from './cas-clock.ts'

const EPOCH_MS = Date.UTC(2020, 0, 1)
const stamp = (clock: CasClock): bigint => (BigInt(clock.hi) << 32n) | BigInt(clock.lo)

test('a stamp is time, sequence and proxy id', () => {
  const clock = new CasClock(5)
  clock.next(EPOCH_MS + 1000)
  assert.equal(stamp(clock), (1000n << 20n) | 5n)
  clock.next(EPOCH_MS + 1000)
  assert.equal(stamp(clock), (1000n << 20n) | (1n << 12n) | 5n)
  clock.next(EPOCH_MS + 1001.9)
  assert.equal(stampTimeMs(clock.hi, clock.lo), EPOCH_MS + 1001)
  assert.equal(stamp(clock), (1001n << 20n) | 5n)
  clock.next(EPOCH_MS + 2 ** 40 - 1)
  assert.equal(stamp(clock), ((2n ** 40n - 1n) << 20n) | 5n)
})

test('stamps strictly increase whatever the wall clock does', () => {
  const steps = fc.array(fc.integer({ min: -5000, max: 5000 }), { minLength: 1, maxLength: 50 })
  fc.assert(
    fc.property(steps, fc.integer({ min: 0, max: 4095 }), (jumps, proxyId) => {
      const clock = new CasClock(proxyId)
      let last = -1n
      let nowMs = Date.UTC(2026, 5, 1)
      for (const jump of jumps) {
        nowMs += jump
        clock.next(nowMs)
        assert.ok(stamp(clock) > last)
        assert.equal(stamp(clock) & 4095n, BigInt(proxyId))
        last = stamp(clock)
      }
    }),
  )
})

test('more than 256 stamps in one ms run ahead of the clock, then wait for it', () => {
  const clock = new CasClock(4095)
  const stamps = new Set<bigint>()
  for (let n = 0; n < 1250; n++) {
    clock.next(EPOCH_MS + 7)
    stamps.add(stamp(clock))
  }
  assert.equal(stamps.size, 1250)
  assert.equal(stamp(clock) >> 20n, 11n)
  clock.next(EPOCH_MS + 12)
  assert.equal(stamp(clock) >> 20n, 12n)
})

test('a proxy id that does not fit is refused', () => {
  for (const id of [-1, 4096, 1.5, Number.NaN]) assert.throws(() => new CasClock(id), RangeError)
})
