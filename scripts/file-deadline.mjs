// Loaded into every test file's process by scripts/run.mjs: ends the file when it takes longer than
// HOLDFAST_FILE_TIMEOUT_MS, and says what it hangs on. Node's runner bounds tests, but neither
// their hooks nor what keeps a process alive after its last test.
import { writeSync } from 'node:fs'
import { relative } from 'node:path'

const STDERR = 2

// The runner itself is bounded by its step; programs that tests start are theirs to end.
if (process.env.NODE_TEST_CONTEXT !== undefined && process.argv[1]?.includes('.test.')) {
  const timeoutMs = Number(process.env.HOLDFAST_FILE_TIMEOUT_MS)
  if (timeoutMs > 0) setTimeout(endFile, timeoutMs, timeoutMs).unref()
}

function endFile(timeoutMs) {
  const file = relative(process.cwd(), process.argv[1])
  const open = process.getActiveResourcesInfo().join(', ')
  writeSync(STDERR, `${file} has not ended within ${timeoutMs / 1000} s; open: ${open}\n`)
  process.exit(1)
}
