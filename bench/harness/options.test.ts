import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseBenchOptions } from './options.ts'

test('without words the grid is run, in full', () => {
  const options = parseBenchOptions([])
  assert.ok(options !== 'help')
  assert.deepEqual(options.suites, ['grid'])
  assert.deepEqual([options.quick, options.rounds, options.seconds], [false, 3, 2])
  assert.deepEqual([options.proxyCore, options.loadCore, options.backendCore], [0, 1, 1])
  assert.equal(options.name, 'grid')
})

test('suites, filters and times are taken', () => {
  const options = parseBenchOptions(
    'grid idle --quick --rounds 5 --candidates a,b --load-core 2'.split(' '),
  )
  assert.ok(options !== 'help')
  assert.deepEqual(options.suites, ['grid', 'idle'])
  assert.deepEqual(options.candidates, ['a', 'b'])
  assert.deepEqual([options.rounds, options.seconds, options.backendCore], [5, 1, 2])
  assert.equal(options.name, 'grid-idle-quick')
})

test('wrong words and numbers are refused by name', () => {
  assert.throws(() => parseBenchOptions(['speed']), /speed is none of grid/)
  assert.throws(() => parseBenchOptions(['--rounds', 'x']), /--rounds needs a number/)
  assert.throws(() => parseBenchOptions(['--fast']), /--fast/)
})
