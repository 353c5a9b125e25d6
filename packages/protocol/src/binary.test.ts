import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  BINARY_HEADER_BYTES,
  createBinaryHeader,
  Opcode,
  readBinaryHeader,
  writeBinaryRequestHeader,
  writeBinaryResponseHeader,
} from './binary.ts'
import { ByteWriter } from './byte-writer.ts'

const HEADER = {
  opcode: Opcode.Incr,
  keyBytes: 0x0102,
  extrasBytes: 20,
  vBucketOrStatus: 0xfffe,
  bodyBytes: 0x1234,
  opaque: 0xdeadbeef,
  casHi: 0xfedcba98,
  casLo: 0x76543210,
}
const REST = '05010214 00fffe00001234 deadbeef fedcba9876543210'.replaceAll(' ', '')

test('headers are written field by field in network order', () => {
  const w = new ByteWriter()
  writeBinaryRequestHeader(w, HEADER)
  assert.equal(w.take().toString('hex'), `80${REST}`)
  writeBinaryResponseHeader(w, HEADER)
  const response = w.take()
  assert.equal(response.toString('hex'), `81${REST}`)
  assert.equal(response.length, BINARY_HEADER_BYTES)
})

test('a header that was written reads back at any place', () => {
  const w = new ByteWriter()
  w.ascii('abc')
  writeBinaryResponseHeader(w, HEADER)
  const read = createBinaryHeader()
  readBinaryHeader(w.take(), 3, read)
  assert.deepEqual(read, HEADER)
})
