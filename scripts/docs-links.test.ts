import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { findDocsBreaches } from './docs-links.ts'
import { readSourceFiles, root } from './source-files.ts'

test('every link of the documentation leads somewhere, every npm script it names exists', () => {
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const breaches = findDocsBreaches(readSourceFiles(['.md']), {
    exists: (path) => existsSync(join(root, path)),
    scripts: new Set(Object.keys(manifest.scripts)),
  })
  assert.deepEqual(breaches, [])
})

test('a dead link, a dead heading and an unknown script are breaches', () => {
  const docs = new Map([
    ['docs/a.md', '# One two\n[x](b.md) [y](#one-two) [z](#three) [w](https://example.org/q)\n'],
    ['README.md', 'Run `npm run nothing`, see [a](docs/a.md#one-two).\n'],
  ])
  const context = { exists: (path: string) => docs.has(path), scripts: new Set(['check']) }
  assert.deepEqual(findDocsBreaches(docs, context), [
    'docs/a.md: no such file: b.md',
    'docs/a.md: no such heading: #three',
    'README.md: no such npm script: nothing',
  ])
})
