import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'

const PRELOAD = `--import=${new URL('file-deadline.mjs', import.meta.url)}`

/** Runs a test file that is bounded; answers what the runner says. */
async function runFile(source: string, fileMs: number, endingMs: number): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-deadline-'))
  try {
    await writeFile(
      join(folder, 'some.test.mjs'),
      `import { before, test } from 'node:test'\n${source}`,
    )
    const { NODE_TEST_CONTEXT: _, ...env } = process.env
    const runner = spawn(process.execPath, ['--test', PRELOAD, 'some.test.mjs'], {
      cwd: folder,
      env: {
        ...env,
        HOLDFAST_FILE_TIMEOUT_MS: String(fileMs),
        HOLDFAST_FILE_ENDING_MS: String(endingMs),
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    return await text(runner.stdout)
  } finally {
    await rm(folder, { recursive: true })
  }
}

test('a test file that does not end after its tests fails, and its name is told', async () => {
  const said = await runFile(`test('passes', () => {})\nsetInterval(() => {}, 1000)`, 60_000, 500)
  assert.match(
    said,
    /some\.test\.mjs has not ended within 0\.5 s of its last test; open: .*Timeout/,
  )
  assert.match(said, /fail 1$/m)
})

test('a test file whose hook hangs ends too', async () => {
  const source = `before(() => new Promise(() => setInterval(() => {}, 1000)))\ntest('waits', () => {})`
  const said = await runFile(source, 500, 60_000)
  assert.match(said, /some\.test\.mjs has not ended within 0\.5 s of its start/)
  assert.match(said, /fail 1$/m)
})

test('a test file that ends in time is not touched', async () => {
  assert.match(await runFile(`test('passes', () => {})`, 60_000, 60_000), /pass 1$/m)
})
