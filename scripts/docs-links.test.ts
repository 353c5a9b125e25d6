import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { findDocsBreaches } from './docs-links.ts'
import { readSourceFiles, root } from './source-files.ts'

test('every link of the documentation leads somewhere, every npm script it names exists', () => {
  const scripts = [...readSourceFiles(['package.json']).values()].flatMap((text) => {
    const manifest = JSON.parse(text)
    const names = Object.keys(manifest.scripts ?? {})
    return manifest.workspaces ? names : names.map((name) => `${name} -w ${manifest.name}`)
  })
  const breaches = findDocsBreaches(readSourceFiles(['.md']), {
    exists: (path) => existsSync(join(root, path)),
    scripts: new Set(scripts),
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
