import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { test } from 'node:test'
import { promisify } from 'node:util'

const run = promisify(execFile)
const PACKAGE = new URL('../../', import.meta.url)
const SUBPATHS: readonly [string, string][] = [
  ['web', 'createSessions'],
  ['hono', 'sessions'],
  ['next', 'createSessions'],
  ['node-http', 'createSessions'],
  ['unstorage', 'holdfastDriver'],
  ['react-router', 'sessionStrategy'],
  ['better-auth', 'secondaryStorage'],
]

for (const [subpath, name] of SUBPATHS) {
  test(`import and require of ./${subpath} give the same function and end by themselves`, async () => {
    const specifier = `@holdfast/session/${subpath}`
    const takesSecret = name === 'createSessions' || name === 'sessions'
    const script = `
      const required = require('${specifier}').${name}
      import('${specifier}').then((imported) => {
        required({ memcachedNodes: '127.0.0.1:1', ${takesSecret ? "secret: 's'" : ''} })
        process.stdout.write(typeof required + ' ' + (required === imported.${name}))
      })`
    const options = { cwd: PACKAGE, timeout: 20_000 }
    const required = await run(process.execPath, ['-e', script], options)
    assert.equal(required.stdout, 'function true')
    assert.equal(required.stderr, '')
    const module = `
      import { ${name} } from '${specifier}'
      process.stdout.write(typeof ${name})`
    const imported = await run(process.execPath, ['--input-type=module', '-e', module], options)
    assert.equal(imported.stdout, 'function')
  })
}

test('the driver of unstorage is the default export, as Nitro wants it', async () => {
  const script = `
    import driver, { holdfastDriver } from '@holdfast/session/unstorage'
    process.stdout.write(String(driver === holdfastDriver))`
  const args = ['--input-type=module', '-e', script]
  const { stdout } = await run(process.execPath, args, { cwd: PACKAGE })
  assert.equal(stdout, 'true')
})
