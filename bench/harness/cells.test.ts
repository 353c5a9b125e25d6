import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cellName, commitCells, filterCells, gridCells } from './cells.ts'

test('the grid has every load but a fixed rate that one round trip at a time cannot carry', () => {
  const names = gridCells('memcached', false).map(cellName)
  assert.equal(names.length, 3 * 2 * 3 + (3 * 2 - 1) * 3)
  assert.ok(names.includes('memcached/500c/d10/4KB/20k'))
  assert.ok(names.includes('memcached/1c/d1/100B/saturation'))
  assert.ok(!names.includes('memcached/1c/d1/100B/20k'))
  assert.equal(new Set(names).size, names.length)
})

test('a filter takes cells that have all parts of one of its patterns', () => {
  const cells = [...gridCells('memcached', false), ...gridCells('engine', false)]
  const chosen = filterCells(cells, 'memcached/d10/saturation/500c,1KB/engine/1c/20k')
  assert.deepEqual(chosen.map(cellName), [
    'memcached/500c/d10/100B/saturation',
    'memcached/500c/d10/1KB/saturation',
    'memcached/500c/d10/4KB/saturation',
    'engine/1c/d10/1KB/20k',
  ])
  assert.equal(filterCells(cells, undefined).length, cells.length)
})

test('group commit is measured in a mix and with sets alone', () => {
  const shares = commitCells(false).map(({ getShare }) => getShare)
  assert.deepEqual([...new Set(shares)], [0.9, 0])
})
