import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { parseConfigText } from '../config-file.ts'
import { ROUTE_TYPES } from './route-types.ts'
import { ROUTES_DOCUMENT, routesDocument } from './routes-document.ts'

const GUIDE = new URL('../../../../docs/guides/routing.md', import.meta.url)

test('the reference of policies is what their schemas say', () => {
  assert.equal(
    readFileSync(ROUTES_DOCUMENT, 'utf8'),
    routesDocument(),
    'write it anew: node packages/proxy/src/routes/routes-document.ts',
  )
})

test('the examples of the guide are configurations, and show every policy', () => {
  const text = readFileSync(GUIDE, 'utf8')
  const examples = [...text.matchAll(/^```yaml\n(.*?)^```$/gms)].map(([, yaml]) => yaml ?? '')
  const [start = '', ...routes] = examples
  const seen = new Set<string>()
  for (const routesText of routes) {
    const config = parseConfigText(`${start}\n${routesText}`, 'routing.md', {
      environment: {},
      readFile: () => '',
    })
    for (const { type } of Object.values(config.routes)) seen.add(type)
  }
  assert.deepEqual([...seen].sort(), ROUTE_TYPES.map(({ type }) => type).sort())
})

test('every policy says what is wrong with its options', () => {
  for (const { plan, type } of ROUTE_TYPES) {
    assert.throws(() => plan({ type }), /expected|Invalid/i, type)
    assert.throws(() => plan({ type, unknown: 1 }), /expected|unrecognized/i, type)
  }
})
