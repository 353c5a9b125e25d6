/**
 * The invariants of every parser of a byte stream, checked on one stream: however it is split, the
 * same messages come out and the same bytes are refused; what is thrown is the declared error; what
 * the parser holds stays within its bound and within what it was given.
 */
import assert from 'node:assert/strict'
import fc from 'fast-check'

/** A parser at work, as the check sees it. */
export interface StreamSubject {
  push(chunk: Buffer): void
  /** Everything that came out, as text. */
  readonly told: readonly string[]
  /** Bytes of what is incomplete, as the parser itself counts them. */
  readonly bufferedBytes: number
}

/** A stream and the places where it is cut. */
export interface CutStream {
  readonly bytes: Buffer
  readonly places: readonly number[]
}

/** What holds for all streams. */
export interface StreamRules {
  /** Makes a fresh parser. */
  open(): StreamSubject
  /** Bound of `bufferedBytes`. */
  bufferedBytesMax: number
  /** The one class that `push` may throw; none means that it never throws. */
  error?: new (
    ...args: never[]
  ) => Error
}

/** Longer streams are not fed byte by byte. */
const BYTE_BY_BYTE_MAX = 1024
const PLACES_MAX = 10

/** Streams with places to cut them. */
export function cutStreams(bytes: fc.Arbitrary<Buffer>): fc.Arbitrary<CutStream> {
  return fc
    .tuple(bytes, fc.array(fc.nat(0xffff), { maxLength: PLACES_MAX }))
    .map(([whole, places]) => new ShownStream(whole, places))
}

/** Checks all invariants; throws when one is broken. */
export function checkStream(stream: CutStream, rules: StreamRules): void {
  const { bytes, places } = stream
  const whole = feed([bytes], rules)
  compare(feed(cut(bytes, places), rules), whole, 'cut into pieces')
  if (bytes.length > BYTE_BY_BYTE_MAX) return
  const single = Array.from(bytes, (byte) => Buffer.from([byte]))
  compare(feed(single, rules), whole, 'byte by byte')
}

interface Outcome {
  readonly told: readonly string[]
  readonly refused: boolean
  /** Bytes of what is incomplete at the end. */
  readonly held: number
}

/** A parser that still waits for the end of a line may refuse it only then. */
function compare(split: Outcome, whole: Outcome, how: string): void {
  assert.deepEqual(split.told, whole.told, how)
  const undecided = split.refused ? whole.held > 0 : split.held > 0
  if (!undecided) assert.equal(split.refused, whole.refused, how)
  if (split.refused === whole.refused) assert.equal(split.held, whole.held, how)
}

function feed(chunks: readonly Buffer[], rules: StreamRules): Outcome {
  const subject = rules.open()
  let given = 0
  for (const chunk of chunks) {
    given += chunk.length
    try {
      // A copy of its own, as a socket would deliver it: parsers keep and may join chunks.
      subject.push(Buffer.from(chunk))
    } catch (error) {
      if (rules.error === undefined || !(error instanceof rules.error)) throw error
      return { told: subject.told, refused: true, held: 0 }
    }
    const held = subject.bufferedBytes
    assert.ok(held >= 0 && held <= given, `holds ${held} of ${given} bytes`)
    assert.ok(held <= rules.bufferedBytesMax, `holds ${held}, at most ${rules.bufferedBytesMax}`)
  }
  return { told: subject.told, refused: false, held: subject.bufferedBytes }
}

function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const bounds = new Set([0, ...places.map((place) => place % (bytes.length + 1)), bytes.length])
  const sorted = [...bounds].sort((a, b) => a - b)
  return sorted.slice(1).map((end, index) => bytes.subarray(sorted[index], end))
}

/** Shows itself as text that can be pasted into a test. */
class ShownStream implements CutStream {
  readonly bytes: Buffer
  readonly places: readonly number[]

  constructor(bytes: Buffer, places: readonly number[]) {
    this.bytes = bytes
    this.places = places
  }

  [fc.toStringMethod](): string {
    return `${JSON.stringify(this.bytes.toString('latin1'))} cut at ${JSON.stringify(this.places)}`
  }
}
