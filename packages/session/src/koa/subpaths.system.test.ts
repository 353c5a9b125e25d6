import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { test } from 'node:test'
import { promisify } from 'node:util'

const run = promisify(execFile)
const PACKAGE = new URL('../../', import.meta.url)

for (const [subpath, names] of [
  ['fastify', ['fastifySession', 'default', 'Store', 'MemoryStore']],
  ['koa', ['session', 'createSession', 'default']],
] as const) {
  test(`import and require of ./${subpath} give the same function`, async () => {
    const specifier = `@holdfast/session/${subpath}`
    const script = `
      const required = require('${specifier}')
      import('${specifier}').then((imported) => {
        const same = ${JSON.stringify(names)}.every((name) => required[name] === imported[name])
        process.stdout.write(typeof required + ' ' + same + ' ' + (required === imported.default))
      })`
    const { stdout, stderr } = await run(process.execPath, ['-e', script], { cwd: PACKAGE })
    assert.equal(stdout, 'function true true')
    assert.equal(stderr, '')
  })
}
