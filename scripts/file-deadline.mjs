// Loaded into every test file's process by scripts/run.mjs: ends the file when it takes longer than
// HOLDFAST_FILE_TIMEOUT_MS, or goes on for HOLDFAST_FILE_ENDING_MS after its last test, and says
// what it hangs on. Node's runner bounds tests, but neither their hooks nor what keeps a process
// alive when they are done.
import { writeSync } from 'node:fs'
import { relative } from 'node:path'

const STDERR = 2

// The runner itself is bounded by its step; programs that tests start are theirs to end.
if (process.env.NODE_TEST_CONTEXT !== undefined && process.argv[1]?.includes('.test.')) {
  const { after } = await import('node:test')
  const fileMs = Number(process.env.HOLDFAST_FILE_TIMEOUT_MS)
  const endingMs = Number(process.env.HOLDFAST_FILE_ENDING_MS)
  endWithin(fileMs, 'of its start')
  // Before the file's own hooks, which this time is for.
  after(() => endWithin(endingMs, 'of its last test'))
}

function endWithin(timeoutMs, ofWhat) {
  if (timeoutMs > 0) setTimeout(endFile, timeoutMs, `${timeoutMs / 1000} s ${ofWhat}`).unref()
}

function endFile(limit) {
  const file = relative(process.cwd(), process.argv[1])
  const open = process.getActiveResourcesInfo().join(', ')
  writeSync(STDERR, `${file} has not ended within ${limit}; open: ${open}\n`)
  process.exit(1)
}
