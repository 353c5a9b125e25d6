import assert from 'node:assert/strict'
import { test } from 'node:test'
import { codecWith, decodeNow, encodeNow, TIMES } from '../test-support/codecs.ts'
import {
  ASYNC_COMPRESS_BYTES_MIN,
  ASYNC_DECOMPRESS_BYTES_MIN,
  ASYNC_UNDERWAY_MAX,
  type CompressionAlgorithm,
  compress,
  decompress,
} from './compression.ts'

const ALGORITHMS: readonly CompressionAlgorithm[] = ['gzip', 'brotli', 'zstd']
const HEAD = { id: 'sid-n1', ...TIMES }
const LARGE = { text: 'all work and no play '.repeat(ASYNC_DECOMPRESS_BYTES_MIN / 20) }

test('a large session is compressed and decompressed beside the event loop, with the same result', async () => {
  for (const algorithm of ALGORITHMS) {
    for (const encryption of [undefined, { keys: Buffer.alloc(32, 7) }]) {
      const codec = codecWith({ compression: algorithm, encryption })
      const content = codec.content(LARGE, {})
      const encoded = codec.encode(content, HEAD)
      assert.ok(encoded instanceof Promise)
      const value = await encoded
      assert.ok(value.length < content.length / 10)
      const decoding = codec.decode(value, HEAD.id)
      assert.ok(decoding instanceof Promise)
      const decoded = await decoding
      assert.ok(decoded.ok)
      assert.deepEqual(decoded.envelope.attributes, LARGE)
      assert.equal(decoded.content, content)
    }
  }
})

test('other work goes on while a large session is compressed', async () => {
  const codec = codecWith({ compression: 'brotli' })
  const order: string[] = []
  const encoded = Promise.resolve(codec.encode(codec.content(LARGE, {}), HEAD))
  const stored = encoded.then(() => order.push('stored'))
  await new Promise<void>((resolve) => setImmediate(resolve))
  order.push('another request')
  await stored
  assert.deepEqual(order, ['another request', 'stored'])
})

test('a session that is not compressed, or small, is encoded and decoded at once', () => {
  for (const codec of [codecWith(), codecWith({ compression: 'gzip' })]) {
    const attributes = { text: 'x'.repeat(ASYNC_COMPRESS_BYTES_MIN / 2) }
    const decoded = decodeNow(codec, encodeNow(codec, codec.content(attributes, {}), HEAD), HEAD.id)
    assert.ok(decoded.ok)
  }
  assert.ok(Buffer.isBuffer(codecWith().encode(codecWith().content(LARGE, {}), HEAD)))
})

test('beyond the bound one more is compressed at once', async () => {
  const bytes = Buffer.from(LARGE.text)
  const compression = { algorithm: 'zstd', thresholdBytes: 0 } as const
  const underWay = Array.from({ length: ASYNC_UNDERWAY_MAX }, () => compress(bytes, compression))
  assert.ok(underWay.every((one) => one instanceof Promise))
  assert.ok(!(compress(bytes, compression) instanceof Promise))
  await Promise.all(underWay)
  const again = compress(bytes, compression)
  assert.ok(again instanceof Promise)
  await again
})

test('large bytes that are broken, cut short or of another length are refused', async () => {
  const bytes = Buffer.from(LARGE.text)
  for (const algorithm of ALGORITHMS) {
    const { code, bytes: small } = (await compress(bytes, { algorithm, thresholdBytes: 0 })) ?? {
      code: 0,
      bytes,
    }
    assert.deepEqual(await decompress(small, code, bytes.length), bytes)
    for (const told of [bytes.length - 1, bytes.length + 1]) {
      await assert.rejects(async () => decompress(small, code, told))
    }
    await assert.rejects(async () => decompress(small.subarray(0, -9), code, bytes.length))
    const codec = codecWith({ compression: algorithm })
    const value = await codec.encode(codec.content(LARGE, {}), HEAD)
    const broken = await codec.decode(value.subarray(0, -9), HEAD.id)
    assert.equal(broken.ok, false)
  }
})

test('a large session that is still too large compressed is told by a rejection', async () => {
  const codec = codecWith({ compression: 'gzip', sessionSizeMax: 10_000 })
  const noise = Array.from({ length: 7000 }, (_, n) => Math.sin(n).toString(36)).join('')
  const content = codec.content({ noise: noise.slice(0, 70_000) }, {})
  await assert.rejects(async () => codec.encode(content, HEAD), {
    code: 'HOLDFAST_SESSION_TOO_LARGE',
    attribute: 'noise',
  })
})
