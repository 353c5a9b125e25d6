/*
 * The header that makes a stored session tell how it is to be read:
 *
 *   0    4 bytes  f5 48 46 01: not the beginning of any text; the last is the header's version
 *   4    1 byte   compression: 0 none, 1 gzip, 2 brotli, 3 zstd
 *   5    1 byte   encryption: 0 none, 1 AES-256-GCM
 *   6    1 byte   n, 1 to 32
 *   7    n bytes  name of the encoding, ASCII
 *   7+n  4 bytes  length of the body before compression, big endian
 *   then          the body: compressed, then encrypted
 *
 * JSON that is neither compressed nor encrypted has no header: it is its own text. Encryption
 * covers the header and the random part of the session id as additional data, so a value cannot be
 * read as something else or moved to another session. (Not the whole id: its node and route change
 * with a relocation or takeover.)
 */
import { type Compressed, decompress, NOT_COMPRESSED } from './compression.ts'
import { UnreadableError } from './encoding-errors.ts'
import type { SessionCipher } from './session-cipher.ts'

const MAGIC: Buffer = Buffer.from([0xf5, 0x48, 0x46, 0x01])
const NAME_AT = 7
const LENGTH_BYTES = 4
const NOT_ENCRYPTED = 0
const ENCRYPTED = 1

/** A body and how it was written. */
export interface StoredBody {
  encodingName: string
  body: Buffer
}

/** What is read of a value: the body may take a thread's time to decompress. */
export interface OpenedValue {
  encodingName: string
  body: Buffer | Promise<Buffer>
  isEncrypted: boolean
}

export function hasHeader(value: Buffer): boolean {
  return value[0] === MAGIC[0]
}

/** What a value tells of itself before anything of it is unpacked. */
export interface StoredHeader {
  /** As it is stored. */
  bytes: Buffer
  compression: number
  isEncrypted: boolean
  encodingName: string
  /** Length of the body before compression, as told. */
  bodyBytes: number
}

/** Throws UnreadableError for what is no header of ours. */
export function readHeader(value: Buffer): StoredHeader {
  const lengthAt = NAME_AT + (value[6] ?? 0)
  const headerLength = lengthAt + LENGTH_BYTES
  if (value.length < headerLength) throw new UnreadableError('cut short')
  if (!MAGIC.equals(value.subarray(0, MAGIC.length))) throw new UnreadableError('header unknown')
  const bytes = value.subarray(0, headerLength)
  const isEncrypted = bytes[5] === ENCRYPTED
  if (!isEncrypted && bytes[5] !== NOT_ENCRYPTED) throw new UnreadableError('encryption unknown')
  return {
    bytes,
    compression: bytes[4] ?? NOT_COMPRESSED,
    isEncrypted,
    encodingName: bytes.toString('latin1', NAME_AT, lengthAt),
    bodyBytes: bytes.readUInt32BE(lengthAt),
  }
}

/** The stored value; `bare`: without a header when there is nothing to tell. */
export function wrap(
  { encodingName, body }: StoredBody,
  compressed: Compressed | undefined,
  { cipher, sid, bare }: { cipher: SessionCipher | undefined; sid: string; bare: boolean },
): Buffer {
  if (bare && compressed === undefined && cipher === undefined) return body
  const header = Buffer.concat([
    MAGIC,
    Buffer.from([
      compressed?.code ?? NOT_COMPRESSED,
      cipher === undefined ? NOT_ENCRYPTED : ENCRYPTED,
      encodingName.length,
    ]),
    Buffer.from(encodingName, 'latin1'),
    Buffer.alloc(LENGTH_BYTES),
  ])
  header.writeUInt32BE(body.length, header.length - LENGTH_BYTES)
  const content = compressed?.bytes ?? body
  const sealed = cipher === undefined ? content : cipher.seal(content, bound(header, sid))
  return Buffer.concat([header, sealed])
}

/** Throws UnreadableError, and what the decompression throws; a body may reject with it. */
export function unwrap(
  value: Buffer,
  cipher: SessionCipher | undefined,
  { sids, bodyBytesMax }: { sids: readonly string[]; bodyBytesMax: number },
): OpenedValue {
  const { bytes: header, compression, isEncrypted, encodingName, bodyBytes } = readHeader(value)
  if (bodyBytes > bodyBytesMax) throw new UnreadableError('larger than sessionSizeMax allows')
  if (isEncrypted && cipher === undefined) {
    throw new UnreadableError('encrypted, and option encryption is not set')
  }
  const rest = value.subarray(header.length)
  const content =
    isEncrypted && cipher !== undefined ? opened(rest, cipher, { header, sids }) : rest
  if (compression === NOT_COMPRESSED && content.length !== bodyBytes) {
    throw new UnreadableError('length does not match')
  }
  const body =
    compression === NOT_COMPRESSED ? content : decompress(content, compression, bodyBytes)
  return { encodingName, body, isEncrypted }
}

/** Bound to one of these; throws UnreadableError. */
function opened(
  sealed: Buffer,
  cipher: SessionCipher,
  { header, sids }: { header: Buffer; sids: readonly string[] },
): Buffer {
  let failure: unknown
  for (const sid of sids) {
    try {
      return cipher.open(sealed, bound(header, sid))
    } catch (error) {
      failure = error
    }
  }
  throw failure
}

function bound(header: Buffer, sid: string): Buffer {
  return Buffer.concat([header, Buffer.from(sid)])
}
