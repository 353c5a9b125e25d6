/*
 * Looks over MessagePack before a library decodes it: whether it is one plain tree (no extensions,
 * no 64 bit integers, only strings as keys), complete, not too deep, and nothing after it.
 *
 * Needed because a library's extensions do more than hold values: records are compiled to code,
 * others make errors and patterns, and a declared length is allocated before it is checked. What
 * we write has none of them. One pass over the bytes, nothing is allocated.
 */

/** The reason why the bytes must not be decoded; undefined: they are a plain tree. */
export function messagePackFault(bytes: Uint8Array, depthMax: number): string | undefined {
  const walk = new MessagePackWalk(bytes, depthMax)
  walk.item(0)
  if (walk.fault !== undefined) return walk.fault
  return walk.position === bytes.length ? undefined : 'length does not match'
}

/** One pass; it lives as long as the call that made it. */
class MessagePackWalk {
  position = 0
  fault: string | undefined
  readonly #bytes: Uint8Array
  readonly #depthMax: number

  constructor(bytes: Uint8Array, depthMax: number) {
    this.#bytes = bytes
    this.#depthMax = depthMax
  }

  item(depth: number): void {
    const token = this.#byte()
    if (depth > this.#depthMax) this.fault = 'nested too deep'
    if (this.fault !== undefined) return
    if (token < 0x80 || token >= 0xe0) return
    if (token < 0x90) this.#map(token & 0x0f, depth)
    else if (token < 0xa0) this.#array(token & 0x0f, depth)
    else if (token < 0xc0) this.#skip(token & 0x1f)
    else this.#longItem(token, depth)
  }

  #longItem(token: number, depth: number): void {
    switch (token) {
      case 0xc0: // nil
      case 0xc2: // false
      case 0xc3: // true
        break
      case 0xcc: // uint 8
      case 0xd0: // int 8
        this.#skip(1)
        break
      case 0xcd: // uint 16
      case 0xd1: // int 16
        this.#skip(2)
        break
      case 0xca: // float 32
      case 0xce: // uint 32
      case 0xd2: // int 32
        this.#skip(4)
        break
      case 0xcb: // float 64
        this.#skip(8)
        break
      case 0xc4: // bin 8
      case 0xd9: // str 8
        this.#skip(this.#number(1))
        break
      case 0xc5: // bin 16
      case 0xda: // str 16
        this.#skip(this.#number(2))
        break
      case 0xc6: // bin 32
      case 0xdb: // str 32
        this.#skip(this.#number(4))
        break
      case 0xdc: // array 16
        this.#array(this.#number(2), depth)
        break
      case 0xdd: // array 32
        this.#array(this.#number(4), depth)
        break
      case 0xde: // map 16
        this.#map(this.#number(2), depth)
        break
      case 0xdf: // map 32
        this.#map(this.#number(4), depth)
        break
      default:
        this.fault = `type 0x${token.toString(16)} is not read`
    }
  }

  #array(count: number, depth: number): void {
    for (let at = 0; at < count && this.fault === undefined; at++) this.item(depth + 1)
  }

  #map(count: number, depth: number): void {
    for (let at = 0; at < count && this.fault === undefined; at++) {
      const token = this.#bytes[this.position] ?? 0
      const isText = (token & 0xe0) === 0xa0 || (token >= 0xd9 && token <= 0xdb)
      if (!isText) this.fault ??= 'a key is not text'
      this.item(depth + 1)
      this.item(depth + 1)
    }
  }

  #skip(count: number): void {
    this.position += count
    if (this.position > this.#bytes.length) this.fault ??= CUT_SHORT
  }

  #byte(): number {
    const byte = this.#bytes[this.position++]
    if (byte === undefined) this.fault ??= CUT_SHORT
    return byte ?? 0
  }

  #number(bytes: number): number {
    let number = 0
    for (let at = 0; at < bytes; at++) number = number * 256 + this.#byte()
    return number
  }
}

const CUT_SHORT = 'cut short'
