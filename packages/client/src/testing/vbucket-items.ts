/**
 * The items of one vBucket of a test server, and what the binary protocol's keyed requests do to
 * them. Written from the protocol's document, apart from the code under test.
 */

/** A keyed request, taken apart. */
export interface ItemRequest {
  opcode: number
  key: string
  extras: Buffer
  value: Buffer
  cas: bigint
}

/** What it comes to. */
export interface ItemReply {
  status: number
  extras?: Buffer
  value?: Buffer
  cas?: bigint
}

interface Item {
  flags: number
  value: Buffer
  cas: bigint
  expiresAtMs: number
}

const OK = 0x00
const NOT_FOUND = 0x01
const EXISTS = 0x02
const NOT_STORED = 0x05
const NOT_NUMERIC = 0x06
const UNKNOWN = 0x81
const RELATIVE_MAX_SECONDS = 2_592_000
const U64: bigint = 1n << 64n
let lastCas = 1000n

export class VBucketItems {
  readonly #items: Map<string, Item> = new Map()

  get size(): number {
    return this.#items.size
  }

  clear(): void {
    this.#items.clear()
  }

  carryOut(request: ItemRequest): ItemReply {
    const item = this.#live(request.key)
    switch (request.opcode) {
      case 0x00:
      case 0x0c:
        return item === undefined ? { status: NOT_FOUND } : found(item)
      case 0x1d:
        if (item === undefined) return { status: NOT_FOUND }
        item.expiresAtMs = expiry(request.extras.readUInt32BE(0))
        return found(item)
      case 0x1c:
        if (item === undefined) return { status: NOT_FOUND }
        item.expiresAtMs = expiry(request.extras.readUInt32BE(0))
        // As memcached does, which moxi did not survive.
        return { status: OK, extras: Buffer.alloc(4) }
      case 0x01:
      case 0x02:
      case 0x03:
        return this.#store(request, item)
      case 0x04:
        return this.#delete(request, item)
      case 0x05:
      case 0x06:
        return this.#count(request, item)
      case 0x0e:
      case 0x0f:
        return this.#extend(request, item)
      default:
        return { status: UNKNOWN }
    }
  }

  #store(request: ItemRequest, item: Item | undefined): ItemReply {
    const { opcode, key, extras, value, cas } = request
    if (opcode === 0x02 && item !== undefined) return { status: EXISTS }
    if (item === undefined && (opcode === 0x03 || cas !== 0n)) return { status: NOT_FOUND }
    if (cas !== 0n && item?.cas !== cas) return { status: EXISTS }
    const expiresAtMs = expiry(extras.readUInt32BE(4))
    const flags = extras.readUInt32BE(0)
    return this.#put(key, { flags, value: Buffer.from(value), cas: 0n, expiresAtMs })
  }

  #delete(request: ItemRequest, item: Item | undefined): ItemReply {
    if (item === undefined) return { status: NOT_FOUND }
    if (request.cas !== 0n && item.cas !== request.cas) return { status: EXISTS }
    this.#items.delete(request.key)
    return { status: OK }
  }

  #count(request: ItemRequest, item: Item | undefined): ItemReply {
    const { extras, key, opcode } = request
    const exptime = extras.readUInt32BE(16)
    if (item === undefined) {
      if (exptime === 0xffff_ffff) return { status: NOT_FOUND }
      const initial = extras.readBigUInt64BE(8)
      const value = Buffer.from(String(initial))
      const put = this.#put(key, { flags: 0, value, cas: 0n, expiresAtMs: expiry(exptime) })
      return { ...put, value: uint64(initial) }
    }
    const text = item.value.toString('latin1')
    if (!/^\d{1,20}$/.test(text)) return { status: NOT_NUMERIC }
    const delta = extras.readBigUInt64BE(0)
    const before = BigInt(text)
    const less = before < delta ? 0n : before - delta
    const after = opcode === 0x05 ? (before + delta) % U64 : less
    const put = this.#put(key, { ...item, value: Buffer.from(String(after)) })
    return { ...put, value: uint64(after) }
  }

  #extend(request: ItemRequest, item: Item | undefined): ItemReply {
    if (item === undefined) return { status: NOT_STORED }
    if (request.cas !== 0n && item.cas !== request.cas) return { status: EXISTS }
    const parts =
      request.opcode === 0x0e ? [item.value, request.value] : [request.value, item.value]
    return this.#put(request.key, { ...item, value: Buffer.concat(parts) })
  }

  #put(key: string, item: Item): ItemReply {
    lastCas++
    this.#items.set(key, { ...item, cas: lastCas })
    return { status: OK, cas: lastCas }
  }

  #live(key: string): Item | undefined {
    const item = this.#items.get(key)
    if (item === undefined || item.expiresAtMs === 0 || item.expiresAtMs > Date.now()) return item
    this.#items.delete(key)
    return undefined
  }
}

function found(item: Item): ItemReply {
  const extras = Buffer.alloc(4)
  extras.writeUInt32BE(item.flags)
  return { status: OK, extras, value: item.value, cas: item.cas }
}

function expiry(exptime: number): number {
  if (exptime === 0) return 0
  return exptime > RELATIVE_MAX_SECONDS ? exptime * 1000 : Date.now() + exptime * 1000
}

function uint64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64BE(value)
  return bytes
}
