/*
 * Looks over CBOR before a library decodes it: whether it is one plain tree (no tags, no 64 bit
 * integers or lengths, nothing of indefinite length, only strings as keys), complete, not too deep,
 * and nothing after it.
 *
 * Needed because a library's tags do more than hold values: records are compiled to code, others
 * make errors and patterns, references make one value appear at many places. What we write has none
 * of them. One pass over the bytes, nothing is allocated.
 */
import { ByteWalk } from './byte-walk.ts'

const TEXT = 3
const ARRAY = 4
const MAP = 5
const TAG = 6
const SIMPLE_OR_FLOAT = 7

/** The reason why the bytes must not be decoded; undefined: they are a plain tree. */
export function cborFault(bytes: Uint8Array, depthMax: number): string | undefined {
  return new CborWalk(bytes, depthMax).wholeFault()
}

class CborWalk extends ByteWalk {
  protected override item(depth: number): void {
    const first = this.byte()
    if (depth > this.depthMax) this.fault = 'nested too deep'
    const major = first >> 5
    const argument = major === SIMPLE_OR_FLOAT ? this.#simple(first) : this.#argument(first)
    if (this.fault !== undefined) return
    if (major === ARRAY) this.array(argument, depth)
    else if (major === MAP) this.map(argument, depth)
    else if (major === TAG) this.fault = `tag ${argument} is not read`
    // Byte and text strings; an integer is its argument.
    else if (major === 2 || major === TEXT) this.skip(argument)
  }

  protected override isText(first: number): boolean {
    return first >> 5 === TEXT
  }

  /** false, true, null, and floats of 32 and 64 bits. */
  #simple(first: number): number {
    const kind = first & 0x1f
    if (kind === 26) this.skip(4)
    else if (kind === 27) this.skip(8)
    else if (kind < 20 || kind > 22) this.fault ??= `type 0x${first.toString(16)} is not read`
    return 0
  }

  #argument(first: number): number {
    const kind = first & 0x1f
    if (kind < 24) return kind
    if (kind === 24) return this.number(1)
    if (kind === 25) return this.number(2)
    if (kind === 26) return this.number(4)
    this.fault ??= `type 0x${first.toString(16)} is not read`
    return 0
  }
}
