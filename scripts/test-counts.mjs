// A reporter for Node's test runner that writes the counts of the whole run as one line of JSON,
// for scripts/run.mjs to add up over several runs.

/** Yields the summary of the run, not those of single files. */
export default async function* testCounts(events) {
  for await (const { type, data } of events) {
    if (type !== 'test:summary' || data.file !== undefined) continue
    const { tests, suites, passed, cancelled, skipped, todo } = data.counts
    const fail = tests - passed - cancelled - skipped - todo
    yield `${JSON.stringify({ tests, suites, pass: passed, fail, cancelled, skipped, todo })}\n`
  }
}
