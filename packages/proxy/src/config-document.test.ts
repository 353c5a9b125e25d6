import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { CONFIG_DOCUMENT, configDocument } from './config-document.ts'
import { parseConfigText } from './config-file.ts'

const GUIDE = new URL('../../../docs/guides/proxy-config.md', import.meta.url)

test('the reference is what the schema says', () => {
  assert.equal(
    readFileSync(CONFIG_DOCUMENT, 'utf8'),
    configDocument(),
    'write it anew: node packages/proxy/src/config-document.ts',
  )
})

describe('the guide', () => {
  const examples = readFileSync(GUIDE, 'utf8').matchAll(/^## ([^\n]*)$|```yaml\n(.*?)```/gms)
  let heading = ''
  for (const [, title, text] of examples) {
    if (title !== undefined) heading = title
    if (text === undefined) continue
    test(`its example of "${heading}" is a good configuration`, () => {
      const config = parseConfigText(text, 'guide.yaml', {
        readFile: () => 'secret',
        environment: { STORE_PASSWORD: 'secret' },
      })
      assert.ok(config.listeners.length > 0)
    })
  }
})
