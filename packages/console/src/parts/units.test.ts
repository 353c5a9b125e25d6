import assert from 'node:assert/strict'
import { test } from 'node:test'
import { curlLine } from './curl-line.ts'
import { bytes, count, counted, duration, milliseconds, percent } from './units.ts'

test('figures have three digits and a unit', () => {
  assert.equal(bytes(0), '0 B')
  assert.equal(bytes(1536), '1.5 KB')
  assert.equal(bytes(412 * 1024 * 1024), '412 MB')
  assert.equal(bytes(1000 * 1024 * 1024), '0.98 GB')
  assert.equal(count(12_345.4), '12,345')
  assert.equal(count(1_234_567), '1.23 M')
  assert.equal(counted(1, 'item'), '1 item')
  assert.equal(counted(2, 'copy', 'copies'), '2 copies')
  assert.equal(percent(0.974), '97 %')
  assert.equal(percent(0.004), '0.4 %')
  assert.equal(milliseconds(0.4249), '0.42 ms')
  assert.equal(milliseconds(1240), '1.24 s')
})

test('a duration has its two largest units', () => {
  assert.equal(duration(0), '0 s')
  assert.equal(duration(59.6), '1 min')
  assert.equal(duration(3_600 * 27 + 61), '1 d 3 h')
  assert.equal(duration(86_400 + 61), '1 d')
})

test('the line for a shell is quoted', () => {
  assert.equal(
    curlLine('/pools?a=1&b=2', 'http://n:8091', "o'b"),
    "curl -u 'o'\\''b' 'http://n:8091/pools?a=1&b=2'",
  )
  assert.equal(curlLine('/pools', 'http://n:8091', null), "curl 'http://n:8091/pools'")
})
