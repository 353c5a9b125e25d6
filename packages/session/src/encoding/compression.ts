/*
 * Compression of stored sessions, with what node:zlib brings. What comes out is bounded by the
 * caller, so a small value cannot fill the memory.
 *
 * Small sessions are done at once: that takes less than handing them to a thread of zlib's pool.
 * Large ones would hold up all other requests meanwhile, so they go there; beyond
 * ASYNC_UNDERWAY_MAX of them one more is done at once, so that no queue grows without end.
 */
import {
  brotliCompress,
  brotliCompressSync,
  brotliDecompress,
  brotliDecompressSync,
  constants,
  gunzip,
  gunzipSync,
  gzip,
  gzipSync,
  zstdCompress,
  zstdCompressSync,
  zstdDecompress,
  zstdDecompressSync,
} from 'node:zlib'
import { UnreadableError } from './encoding-errors.ts'

export type CompressionAlgorithm = 'gzip' | 'brotli' | 'zstd'

export interface Compression {
  algorithm: CompressionAlgorithm
  /** Sessions with fewer bytes are stored as they are. */
  thresholdBytes: number
}

/** Bytes that were compressed, and the code of the algorithm. */
export interface Compressed {
  code: number
  bytes: Buffer
}

/** Sessions with as many bytes are compressed beside the event loop; about half a millisecond. */
export const ASYNC_COMPRESS_BYTES_MIN: number = 32 * 1024
/** The same for decompressing, which is quicker; by the size that comes out. */
export const ASYNC_DECOMPRESS_BYTES_MIN: number = 256 * 1024
/** Most sessions that are with zlib's threads. */
export const ASYNC_UNDERWAY_MAX = 64

type Settle = (error: Error | null, bytes: Buffer) => void

interface Codec {
  readonly code: number
  readonly algorithm: CompressionAlgorithm
  compressNow(bytes: Buffer): Buffer
  compress(bytes: Buffer, chunkSize: number, settle: Settle): void
  /** Both fail for more than `bytesMax`. */
  decompressNow(bytes: Buffer, bytesMax: number): Buffer
  decompress(bytes: Buffer, bytesMax: number, settle: Settle): void
}

/** Brotli's own default, 11, takes a second for a megabyte. */
const BROTLI_QUALITY = 4
const BROTLI_OPTIONS = { params: { [constants.BROTLI_PARAM_QUALITY]: BROTLI_QUALITY } }

/** `code` is what stands in the header. A chunk that holds all takes one turn of a thread. */
const CODECS: readonly Codec[] = [
  {
    code: 1,
    algorithm: 'gzip',
    compressNow: (bytes) => gzipSync(bytes),
    compress: (bytes, chunkSize, settle) => gzip(bytes, { chunkSize }, settle),
    decompressNow: (bytes, maxOutputLength) => gunzipSync(bytes, { maxOutputLength }),
    decompress: (bytes, maxOutputLength, settle) =>
      gunzip(bytes, { maxOutputLength, chunkSize: chunkFor(maxOutputLength) }, settle),
  },
  {
    code: 2,
    algorithm: 'brotli',
    compressNow: (bytes) => brotliCompressSync(bytes, BROTLI_OPTIONS),
    compress: (bytes, chunkSize, settle) =>
      brotliCompress(bytes, { ...BROTLI_OPTIONS, chunkSize }, settle),
    decompressNow: (bytes, maxOutputLength) => brotliDecompressSync(bytes, { maxOutputLength }),
    decompress: (bytes, maxOutputLength, settle) =>
      brotliDecompress(bytes, { maxOutputLength, chunkSize: chunkFor(maxOutputLength) }, settle),
  },
  {
    code: 3,
    algorithm: 'zstd',
    compressNow: (bytes) => zstdCompressSync(bytes),
    compress: (bytes, chunkSize, settle) => zstdCompress(bytes, { chunkSize }, settle),
    decompressNow: (bytes, maxOutputLength) => zstdDecompressSync(bytes, { maxOutputLength }),
    decompress: (bytes, maxOutputLength, settle) =>
      zstdDecompress(bytes, { maxOutputLength, chunkSize: chunkFor(maxOutputLength) }, settle),
  },
]

export const NOT_COMPRESSED = 0
const CHUNK_BYTES_MAX = 1024 * 1024
/** Less is not worth the time; the header alone takes 15 bytes. */
const SAVED_BYTES_MIN = 32

export const COMPRESSION_ALGORITHMS: readonly CompressionAlgorithm[] = CODECS.map(
  ({ algorithm }) => algorithm,
)

let underWay = 0

/**
 * The compressed bytes and their code, a promise of them for a large session; undefined when
 * compressing does not pay.
 */
export function compress(
  bytes: Buffer,
  { algorithm, thresholdBytes }: Compression,
): Compressed | undefined | Promise<Compressed | undefined> {
  if (bytes.length < thresholdBytes) return undefined
  const codec = CODECS.find((one) => one.algorithm === algorithm)
  if (codec === undefined) return undefined
  const { code } = codec
  const judged = (compressed: Buffer): Compressed | undefined =>
    compressed.length + SAVED_BYTES_MIN <= bytes.length ? { code, bytes: compressed } : undefined
  if (!isBeside(bytes.length, ASYNC_COMPRESS_BYTES_MIN)) return judged(codec.compressNow(bytes))
  return beside((settle) => codec.compress(bytes, chunkFor(bytes.length), settle)).then(judged)
}

/**
 * A promise for a large session. Throws or rejects when the bytes are broken, or are not exactly
 * `bytesTold` when decompressed.
 */
export function decompress(
  bytes: Buffer,
  code: number,
  bytesTold: number,
): Buffer | Promise<Buffer> {
  const codec = CODECS.find((one) => one.code === code)
  if (codec === undefined) throw new UnreadableError(`compression ${code} is not known`)
  const judged = (whole: Buffer): Buffer => {
    if (whole.length !== bytesTold) throw new UnreadableError('length does not match')
    return whole
  }
  const bytesMax = Math.max(1, bytesTold)
  if (!isBeside(bytesTold, ASYNC_DECOMPRESS_BYTES_MIN)) {
    return judged(codec.decompressNow(bytes, bytesMax))
  }
  return beside((settle) => codec.decompress(bytes, bytesMax, settle)).then(judged)
}

function isBeside(byteCount: number, bytesMin: number): boolean {
  return byteCount >= bytesMin && underWay < ASYNC_UNDERWAY_MAX
}

function beside(work: (settle: Settle) => void): Promise<Buffer> {
  underWay++
  return new Promise((resolve, reject) => {
    work((error, bytes) => {
      underWay--
      if (error === null) resolve(bytes)
      else reject(error)
    })
  })
}

/**
 * Each chunk takes one more turn of a thread. One byte more than is expected lets zlib see the end
 * in the first; what a header tells is not believed for more than CHUNK_BYTES_MAX.
 */
function chunkFor(bytes: number): number {
  return Math.min(bytes + 1, CHUNK_BYTES_MAX)
}
