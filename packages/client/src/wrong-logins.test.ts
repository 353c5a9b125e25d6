import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  ADDRESSES_MAX,
  FIRST_PLACES_MAX,
  FORGET_MS,
  FREE_FAILURES,
  LATE_MS_MAX,
  PLACES_MAX,
  WrongLogins,
} from './wrong-logins.ts'

const A = '10.0.0.1'
const B = '10.0.0.2'

function failing(times: number, address = A): WrongLogins {
  const logins = new WrongLogins()
  for (let i = 0; i < times; i++) logins.failed(address, 0)
  return logins
}

test('the first wrong logins are answered at once, later ones later and later, within a bound', () => {
  const logins = new WrongLogins()
  const late = Array.from({ length: FREE_FAILURES + 8 }, () => logins.failed(A, 0).lateMs)
  assert.deepEqual(late.slice(0, FREE_FAILURES), Array(FREE_FAILURES).fill(0))
  assert.deepEqual(late.slice(FREE_FAILURES), [100, 200, 400, 800, 1600, 2000, 2000, 2000])
  assert.equal(Math.max(...late), LATE_MS_MAX)
})

test('what one address does costs another nothing', () => {
  const logins = failing(100)
  assert.equal(logins.failed(B, 0).lateMs, 0)
  for (let i = 0; i < FIRST_PLACES_MAX; i++) assert.ok(logins.mayTry(B, 0))
})

test('an address that failed too often has few tries under way, whether it waits or not', () => {
  const logins = failing(FREE_FAILURES)
  for (let i = 0; i < PLACES_MAX; i++) assert.ok(logins.mayTry(A, 1))
  assert.equal(logins.mayTry(A, 1), false)
  assert.equal(logins.mayTry(A, LATE_MS_MAX), false)
  assert.equal(logins.mayTry(A, LATE_MS_MAX + 1), true)
})

test('a burst of an address that has not failed yet is bounded too', () => {
  const logins = new WrongLogins()
  for (let i = 0; i < FIRST_PLACES_MAX; i++) assert.ok(logins.mayTry(A, 0))
  assert.equal(logins.mayTry(A, 0), false)
  for (let i = 0; i < FIRST_PLACES_MAX; i++) logins.succeeded(A)
  assert.ok(logins.mayTry(A, 0))
})

test('a right login frees its place and takes nothing from the count', () => {
  const logins = failing(FREE_FAILURES)
  for (let i = 0; i < PLACES_MAX * 3; i++) {
    assert.ok(logins.mayTry(A, 1))
    logins.succeeded(A)
  }
  assert.ok(logins.failed(A, 1).lateMs > 0)
})

test('an address is forgotten after a while without failures', () => {
  const logins = failing(50)
  assert.ok(logins.failed(A, FORGET_MS - 1).lateMs > 0)
  assert.equal(logins.failed(A, FORGET_MS * 2).lateMs, 0)
})

test('the table is bounded; who failed longest ago gives way', () => {
  const logins = failing(50)
  for (let i = 0; i < ADDRESSES_MAX - 1; i++) logins.failed(`host${i}`, 1)
  logins.failed(A, 2)
  logins.failed('one more', 3)
  assert.equal(logins.addresses, ADDRESSES_MAX)
  assert.ok(logins.failed(A, 3).lateMs > 0)
})

test('one report a minute and address, with the count since the last', () => {
  const logins = new WrongLogins()
  assert.equal(logins.failed(A, 0).report, 1)
  for (let i = 1; i <= 9; i++) assert.equal(logins.failed(A, i).report, 0)
  assert.equal(logins.failed(B, 9).report, 1)
  assert.equal(logins.failed(A, 60_000).report, 10)
})
