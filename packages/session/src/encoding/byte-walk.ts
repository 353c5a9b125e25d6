/*
 * What looking over MessagePack and CBOR has in common: one pass over the bytes of a tree, which
 * ends at the first fault. Nothing is allocated. What a byte begins is the format's business.
 */
export abstract class ByteWalk {
  /** Why the bytes must not be decoded, as far as is known. */
  fault: string | undefined
  protected position = 0
  protected readonly bytes: Uint8Array
  protected readonly depthMax: number

  /** It lives as long as the call that made it. */
  constructor(bytes: Uint8Array, depthMax: number) {
    this.bytes = bytes
    this.depthMax = depthMax
  }

  /** The reason why the bytes are not one whole plain tree; undefined: they are. */
  wholeFault(): string | undefined {
    this.item(0)
    if (this.fault !== undefined) return this.fault
    return this.position === this.bytes.length ? undefined : 'length does not match'
  }

  protected abstract item(depth: number): void

  /** Whether a byte begins a text, as keys must. */
  protected abstract isText(first: number): boolean

  protected array(count: number, depth: number): void {
    for (let at = 0; at < count && this.fault === undefined; at++) this.item(depth + 1)
  }

  protected map(count: number, depth: number): void {
    for (let at = 0; at < count && this.fault === undefined; at++) {
      if (!this.isText(this.bytes[this.position] ?? 0)) this.fault ??= 'a key is not text'
      this.item(depth + 1)
      this.item(depth + 1)
    }
  }

  protected skip(count: number): void {
    this.position += count
    if (this.position > this.bytes.length) this.fault ??= CUT_SHORT
  }

  protected byte(): number {
    const byte = this.bytes[this.position++]
    if (byte === undefined) this.fault ??= CUT_SHORT
    return byte ?? 0
  }

  protected number(bytes: number): number {
    let number = 0
    for (let at = 0; at < bytes; at++) number = number * 256 + this.byte()
    return number
  }
}

const CUT_SHORT = 'cut short'
