// The three dialects of memcached as a checked client speaks them: one request written, one reply
// read from the front of what arrived. Written apart from the project's own codecs, so that a
// mistake of theirs is not repeated here.

/** One request: a set with a value, or a get without. */
export interface CheckedRequest {
  readonly key: string
  readonly value: string | undefined
  /** Sent along and expected back where the dialect can. */
  readonly opaque: number
}

/** What came back for it. */
export interface CheckedReply {
  readonly kind: 'stored' | 'hit' | 'miss' | 'error'
  /** The value of a hit, the line of an error. */
  readonly text: string
  /** Where the next reply begins. */
  readonly end: number
}

export interface CheckedDialect {
  write(request: CheckedRequest): Buffer
  /** Undefined while the reply is incomplete; throws at bytes that are none. */
  read(buf: Buffer, request: CheckedRequest): CheckedReply | undefined
  /** A request that is answered when everything before it is, and its reply. */
  readonly fence: readonly [request: Buffer, reply: Buffer]
}

export type DialectName = 'text' | 'meta' | 'binary'

const text: CheckedDialect = {
  write: ({ key, value }) => {
    if (value === undefined) return Buffer.from(`get ${key}\r\n`)
    return Buffer.from(`set ${key} 0 0 ${value.length}\r\n${value}\r\n`)
  },
  read: (buf, { key, value }) => {
    const line = lineOf(buf, 0)
    if (line === undefined) return undefined
    const end = line.length + 2
    if (isError(line)) return { kind: 'error', text: line, end }
    if (value !== undefined) return { kind: expected(line, 'STORED', 'stored'), text: '', end }
    if (line === 'END') return { kind: 'miss', text: '', end }
    const bytes = Number(line.match(`^VALUE ${key} 0 (\\d+)$`)?.[1] ?? unexpected(line))
    const valueEnd = end + bytes
    if (buf.length < valueEnd + 7) return undefined
    expected(buf.toString('latin1', valueEnd, valueEnd + 7), '\r\nEND\r\n', 'hit')
    return { kind: 'hit', text: buf.toString('latin1', end, valueEnd), end: valueEnd + 7 }
  },
  fence: [Buffer.from('mn\r\n'), Buffer.from('MN\r\n')],
}

const meta: CheckedDialect = {
  write: ({ key, value, opaque }) => {
    if (value === undefined) return Buffer.from(`mg ${key} v k O${opaque}\r\n`)
    return Buffer.from(`ms ${key} ${value.length} O${opaque}\r\n${value}\r\n`)
  },
  read: (buf, { key, value, opaque }) => {
    const line = lineOf(buf, 0)
    if (line === undefined) return undefined
    const end = line.length + 2
    if (isError(line)) return { kind: 'error', text: line, end }
    if (value !== undefined) {
      return { kind: expected(line, `HD O${opaque}`, 'stored'), text: '', end }
    }
    if (line === `EN k${key} O${opaque}`) return { kind: 'miss', text: '', end }
    const bytes = Number(line.match(`^VA (\\d+) k${key} O${opaque}$`)?.[1] ?? unexpected(line))
    const valueEnd = end + bytes
    if (buf.length < valueEnd + 2) return undefined
    expected(buf.toString('latin1', valueEnd, valueEnd + 2), '\r\n', 'hit')
    return { kind: 'hit', text: buf.toString('latin1', end, valueEnd), end: valueEnd + 2 }
  },
  fence: text.fence,
}

const HEADER_BYTES = 24
const GET = 0x00
const SET = 0x01
const NOOP = 0x0a

const binary: CheckedDialect = {
  write: ({ key, value, opaque }) => {
    const extras = value === undefined ? Buffer.alloc(0) : Buffer.alloc(8)
    const body = Buffer.concat([extras, Buffer.from(key), Buffer.from(value ?? '')])
    const header = Buffer.alloc(HEADER_BYTES)
    header[0] = 0x80
    header[1] = value === undefined ? GET : SET
    header.writeUInt16BE(key.length, 2)
    header[4] = extras.length
    header.writeUInt32BE(body.length, 8)
    header.writeUInt32BE(opaque, 12)
    return Buffer.concat([header, body])
  },
  read: (buf, { value, opaque }) => {
    if (buf.length < HEADER_BYTES) return undefined
    const end = HEADER_BYTES + buf.readUInt32BE(8)
    if (buf.length < end) return undefined
    const asked = value === undefined ? GET : SET
    if (buf[0] !== 0x81 || buf[1] !== asked || buf.readUInt32BE(12) !== opaque) {
      unexpected(buf.toString('hex', 0, HEADER_BYTES))
    }
    const status = buf.readUInt16BE(6)
    const said = buf.toString('latin1', HEADER_BYTES + (buf[4] ?? 0), end)
    if (status === 1 && value === undefined) return { kind: 'miss', text: '', end }
    if (status !== 0) return { kind: 'error', text: `status ${status}: ${said}`, end }
    return { kind: value === undefined ? 'hit' : 'stored', text: said, end }
  },
  fence: [binaryNoop(0x80), binaryNoop(0x81)],
}

/** All of them by name. */
export const DIALECTS: Readonly<Record<DialectName, CheckedDialect>> = { text, meta, binary }

function binaryNoop(magic: number): Buffer {
  const header = Buffer.alloc(HEADER_BYTES)
  header[0] = magic
  header[1] = NOOP
  return header
}

function lineOf(buf: Buffer, from: number): string | undefined {
  const end = buf.indexOf('\r\n', from)
  return end < 0 ? undefined : buf.toString('latin1', from, end)
}

function isError(line: string): boolean {
  return /^SERVER_ERROR \S/.test(line)
}

function expected<Kind>(said: string, wanted: string, kind: Kind): Kind {
  return said === wanted ? kind : unexpected(said)
}

function unexpected(said: string): never {
  throw new Error(`unexpected reply ${JSON.stringify(said.slice(0, 200))}`)
}
