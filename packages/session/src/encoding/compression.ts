/*
 * Compression of stored sessions, with what node:zlib brings. What comes out is bounded by the
 * caller, so a small value cannot fill the memory.
 */
import {
  brotliCompressSync,
  brotliDecompressSync,
  constants,
  gunzipSync,
  gzipSync,
  zstdCompressSync,
  zstdDecompressSync,
} from 'node:zlib'
import { UnreadableError } from './encoding-errors.ts'

export type CompressionAlgorithm = 'gzip' | 'brotli' | 'zstd'

export interface Compression {
  algorithm: CompressionAlgorithm
  /** Sessions with fewer bytes are stored as they are. */
  thresholdBytes: number
}

interface Codec {
  readonly code: number
  readonly algorithm: CompressionAlgorithm
  compress(bytes: Buffer): Buffer
  /** Throws for more than `bytesMax`. */
  decompress(bytes: Buffer, bytesMax: number): Buffer
}

/** Brotli's own default, 11, takes a second for a megabyte. */
const BROTLI_QUALITY = 4
const BROTLI_OPTIONS = { params: { [constants.BROTLI_PARAM_QUALITY]: BROTLI_QUALITY } }

/** `code` is what stands in the header. */
const CODECS: readonly Codec[] = [
  {
    code: 1,
    algorithm: 'gzip',
    compress: (bytes) => gzipSync(bytes),
    decompress: (bytes, maxOutputLength) => gunzipSync(bytes, { maxOutputLength }),
  },
  {
    code: 2,
    algorithm: 'brotli',
    compress: (bytes) => brotliCompressSync(bytes, BROTLI_OPTIONS),
    decompress: (bytes, maxOutputLength) => brotliDecompressSync(bytes, { maxOutputLength }),
  },
  {
    code: 3,
    algorithm: 'zstd',
    compress: (bytes) => zstdCompressSync(bytes),
    decompress: (bytes, maxOutputLength) => zstdDecompressSync(bytes, { maxOutputLength }),
  },
]

export const NOT_COMPRESSED = 0
/** Less is not worth the time; the header alone takes 15 bytes. */
const SAVED_BYTES_MIN = 32

export const COMPRESSION_ALGORITHMS: readonly CompressionAlgorithm[] = CODECS.map(
  ({ algorithm }) => algorithm,
)

/** The compressed bytes and their code; undefined when compressing does not pay. */
export function compress(
  bytes: Buffer,
  { algorithm, thresholdBytes }: Compression,
): { code: number; bytes: Buffer } | undefined {
  if (bytes.length < thresholdBytes) return undefined
  const codec = CODECS.find((one) => one.algorithm === algorithm)
  if (codec === undefined) return undefined
  const compressed = codec.compress(bytes)
  const pays = compressed.length + SAVED_BYTES_MIN <= bytes.length
  return pays ? { code: codec.code, bytes: compressed } : undefined
}

/** Throws when the bytes are broken, or are not exactly `bytesTold` when decompressed. */
export function decompress(bytes: Buffer, code: number, bytesTold: number): Buffer {
  const codec = CODECS.find((one) => one.code === code)
  if (codec === undefined) throw new UnreadableError(`compression ${code} is not known`)
  const whole = codec.decompress(bytes, Math.max(1, bytesTold))
  if (whole.length !== bytesTold) throw new UnreadableError('length does not match')
  return whole
}
