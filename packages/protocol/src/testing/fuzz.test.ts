import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runTarget } from './fuzz.ts'
import { damagedBytes } from './mutate.ts'
import { type CutStream, checkStream, cutStreams, type StreamSubject } from './stream-check.ts'
import { textRequests } from './text-grammar.ts'

const BUDGET_MS = 60_000

/** Tells the lines of a stream, with a defect of the test's choice. */
class LineSubject implements StreamSubject {
  readonly told: string[] = []
  bufferedBytes = 0
  #rest = ''
  readonly #defect: string

  constructor(defect: string) {
    this.#defect = defect
  }

  push(chunk: Buffer): void {
    const text = chunk.toString('latin1')
    if (this.#defect === 'throws' && text.includes(' 4294967296 ')) throw new TypeError('too far')
    const lines = (this.#rest + text).split('\n')
    this.#rest = lines.pop() ?? ''
    this.told.push(...lines)
    if (this.#defect === 'forgets' && this.#rest.endsWith('\r')) this.#rest = ''
    this.bufferedBytes = this.#defect === 'hoards' ? text.length + 1 : this.#rest.length
  }
}

async function findDefect(defect: string): Promise<number> {
  return await runTarget<CutStream>(
    {
      name: 'lines',
      inputs: cutStreams(damagedBytes(textRequests())),
      check: (stream) => {
        checkStream(stream, { open: () => new LineSubject(defect), bufferedBytesMax: 100_000 })
      },
    },
    defect === '' ? 100 : BUDGET_MS,
  )
}

test('a parser without a defect is tried for as long as asked', async () => {
  assert.ok((await findDefect('')) > 0)
})

for (const [defect, told] of [
  ['throws', /too far/],
  ['forgets', /byte by byte|cut into pieces/],
  ['hoards', /holds \d+ of \d+ bytes/],
] as const) {
  test(`a parser that ${defect} is found, and told with its seed and the least input`, async () => {
    await assert.rejects(findDefect(defect), (error: Error) => {
      assert.match(error.message, told)
      assert.match(error.message, /again with HOLDFAST_FUZZ_SEED=\d+ HOLDFAST_FUZZ_PATH=[\d:]+/)
      assert.match(error.message, /input: \[".*" cut at \[/)
      return true
    })
  })
}
