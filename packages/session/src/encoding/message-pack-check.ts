/*
 * Looks over MessagePack before a library decodes it: whether it is one plain tree (no extensions,
 * no 64 bit integers, only strings as keys), complete, not too deep, and nothing after it.
 *
 * Needed because a library's extensions do more than hold values: records are compiled to code,
 * others make errors and patterns, and a declared length is allocated before it is checked. What
 * we write has none of them. One pass over the bytes, nothing is allocated.
 */
import { ByteWalk } from './byte-walk.ts'

/** The reason why the bytes must not be decoded; undefined: they are a plain tree. */
export function messagePackFault(bytes: Uint8Array, depthMax: number): string | undefined {
  return new MessagePackWalk(bytes, depthMax).wholeFault()
}

class MessagePackWalk extends ByteWalk {
  protected override item(depth: number): void {
    const token = this.byte()
    if (depth > this.depthMax) this.fault = 'nested too deep'
    if (this.fault !== undefined) return
    if (token < 0x80 || token >= 0xe0) return
    if (token < 0x90) this.map(token & 0x0f, depth)
    else if (token < 0xa0) this.array(token & 0x0f, depth)
    else if (token < 0xc0) this.skip(token & 0x1f)
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
        this.skip(1)
        break
      case 0xcd: // uint 16
      case 0xd1: // int 16
        this.skip(2)
        break
      case 0xca: // float 32
      case 0xce: // uint 32
      case 0xd2: // int 32
        this.skip(4)
        break
      case 0xcb: // float 64
        this.skip(8)
        break
      case 0xc4: // bin 8
      case 0xd9: // str 8
        this.skip(this.number(1))
        break
      case 0xc5: // bin 16
      case 0xda: // str 16
        this.skip(this.number(2))
        break
      case 0xc6: // bin 32
      case 0xdb: // str 32
        this.skip(this.number(4))
        break
      case 0xdc: // array 16
        this.array(this.number(2), depth)
        break
      case 0xdd: // array 32
        this.array(this.number(4), depth)
        break
      case 0xde: // map 16
        this.map(this.number(2), depth)
        break
      case 0xdf: // map 32
        this.map(this.number(4), depth)
        break
      default:
        this.fault = `type 0x${token.toString(16)} is not read`
    }
  }

  protected override isText(first: number): boolean {
    return (first & 0xe0) === 0xa0 || (first >= 0xd9 && first <= 0xdb)
  }
}
