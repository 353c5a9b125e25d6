/** The first page is small, and nothing in what is built needs more than the strict policy allows. */
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'

const FIRST_PAGE_BYTES_MAX = 60 * 1024
const dist = new URL('../dist/', import.meta.url)
const options = existsSync(new URL('index.html', dist)) ? {} : { skip: 'the console is not built' }

test('the first page is 60 KB or less, compressed', options, () => {
  const html = readFileSync(new URL('index.html', dist), 'utf8')
  const files = [...html.matchAll(/(?:src|href)="\/ui\/([^"]+)"/g)].map(([, path = '']) => path)
  assert.ok(files.some((path) => path.endsWith('.js')))
  const sizes = files.map((path) => gzipSync(readFileSync(new URL(path, dist))).length)
  const total = sizes.reduce((sum, size) => sum + size, gzipSync(html).length)
  assert.ok(total <= FIRST_PAGE_BYTES_MAX, `${total} bytes`)
})

test('there is no inline script or style, and no address of another host', options, () => {
  const html = readFileSync(new URL('index.html', dist), 'utf8')
  assert.doesNotMatch(html, /<script(?![^>]*\bsrc=)/)
  assert.doesNotMatch(html, /<style|\sstyle=|\son\w+=/)
  for (const name of readdirSync(new URL('assets/', dist))) {
    const text = readFileSync(new URL(`assets/${name}`, dist), 'utf8')
    const addresses = [...text.matchAll(/https?:\/\/[a-z0-9.-]+/gi)].map(([address]) => address)
    const named = addresses.filter((address) => !/^http:\/\/www\.w3\.org$/.test(address))
    assert.deepEqual(named, [], name)
  }
})
