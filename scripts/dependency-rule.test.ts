import assert from 'node:assert/strict'
import { test } from 'node:test'
import { findDependencyBreaches, importsOf } from './dependency-rule.ts'
import { readSourceFiles } from './source-files.ts'

test('the project keeps the dependency rule', () => {
  const files = readSourceFiles(['.ts', '.tsx', 'package.json'])
  assert.deepEqual(findDependencyBreaches(files), [])
})

test('imports are found in every form, and not in comments', () => {
  const text = [
    "import a from './a.ts'",
    'import {\n  b,\n  type C,\n} from "./b.ts"',
    "import './c.ts'",
    "export * from './d.ts'",
    "const e = await import('./e.ts')",
    "// import f from './f.ts'",
    " * import g from './g.ts'",
  ].join('\n')
  assert.deepEqual(importsOf(text).sort(), ['./a.ts', './b.ts', './c.ts', './d.ts', './e.ts'])
})

const BREACHES: readonly [string, Record<string, string>, RegExp][] = [
  [
    'a sideways import',
    { 'packages/proxy/src/x.ts': "import { y } from '@holdfast/cluster'" },
    /may not import @holdfast\/cluster/,
  ],
  [
    'an import into the sources of another package',
    { 'packages/proxy/src/x.ts': "import { y } from '@holdfast/client/src/y.ts'" },
    /imports inside another package/,
  ],
  [
    'a relative import out of the package',
    { 'packages/proxy/src/x.ts': "import { y } from '../../client/src/y.ts'" },
    /reaches out of its package/,
  ],
  [
    'a socket in a codec',
    { 'packages/protocol/src/x.ts': "import { connect } from 'node:net'" },
    /pure package/,
  ],
  [
    'a declared sideways dependency',
    {
      'packages/session/package.json': '{"dependencies":{"@holdfast/proxy":"0.1.0"}}',
      'packages/session/src/x.test.ts': "import { y } from '@holdfast/session'",
    },
    /may not depend on @holdfast\/proxy/,
  ],
  [
    'an undeclared dependency',
    {
      'packages/session/package.json': '{}',
      'packages/session/src/x.ts': "import pino from 'pino'",
    },
    /does not declare pino/,
  ],
  [
    'a cycle',
    {
      'packages/client/src/a.ts': "import { b } from './b.ts'",
      'packages/client/src/b.ts': "import { a } from './a.ts'",
    },
    /cycle: packages\/client\/src\/a\.ts -> packages\/client\/src\/b\.ts -> /,
  ],
]

test("files that only use each other's types make no cycle", () => {
  const files = new Map([
    ['packages/client/src/a.ts', "import { b } from './b.ts'"],
    ['packages/client/src/b.ts', "import type {\n  A,\n} from './a.ts'"],
  ])
  assert.deepEqual(findDependencyBreaches(files), [])
})

for (const [name, files, expected] of BREACHES) {
  test(`${name} is a breach`, () => {
    const breaches = findDependencyBreaches(new Map(Object.entries(files)))
    assert.match(breaches.join('\n'), expected)
  })
}
