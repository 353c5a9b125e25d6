import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readSourceFiles } from './source-files.ts'
import { findStyleBreaches } from './style.ts'

test('the project keeps its style', () => {
  const files = readSourceFiles(['.ts', '.tsx', '.js', '.mjs', '.cjs'])
  assert.deepEqual(findStyleBreaches(files), [])
})

const BREACHES: readonly [string, string, string, RegExp][] = [
  ['a long file', 'a.ts', '// prose\n'.repeat(401), /401 lines/],
  ['a vague file name', 'string-utils.ts', '', /"utils"/],
  ['a camel case file name', 'stringParser.ts', '', /kebab-case/],
  ['a vague class name', 'a.ts', 'export class PoolManager {}', /PoolManager/],
  ['a note for later', 'a.ts', `// TO${'DO'}: later`, /line 1 says/],
  ['a large file without a head', 'a.ts', 'let a = 1\n'.repeat(61), /does not open with prose/],
]

for (const [name, path, text, expected] of BREACHES) {
  test(`${name} is a breach of style`, () => {
    const breaches = findStyleBreaches(new Map([[path, text]]))
    assert.equal(breaches.length, 1, breaches.join('\n'))
    assert.match(breaches[0] ?? '', expected)
  })
}
