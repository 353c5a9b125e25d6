import assert from 'node:assert/strict'
import { test } from 'node:test'
import { NO_VIVIFY_EXPTIME, Opcode } from './binary.ts'
import {
  type BinaryCommand,
  binaryExptime,
  createBinaryCommand,
  writeBinaryCommand,
  writeBinaryCounter,
  writeBinaryExpiry,
  writeBinaryStore,
} from './binary-request-writer.ts'
import { ByteWriter } from './byte-writer.ts'

function commandOf(fields: Partial<BinaryCommand>): BinaryCommand {
  return {
    ...createBinaryCommand(),
    buf: Buffer.from('..Hello World'),
    keyStart: 2,
    keyEnd: 7,
    opaque: 0xdeadbeef,
    vBucket: 0x0210,
    ...fields,
  }
}

function written(write: (w: ByteWriter) => void): string {
  const w = new ByteWriter()
  write(w)
  return w.take().toString('hex')
}

function hex(text: string): string {
  return text.replaceAll(' ', '')
}

test('a get is a header and its key', () => {
  assert.equal(
    written((w) => writeBinaryCommand(w, commandOf({ opcode: Opcode.Get }))),
    hex('80 00 0005 00 00 0210 00000005 deadbeef 0000000000000000 48656c6c6f'),
  )
})

test('an add has flags, exptime, key and value, and the CAS in its header', () => {
  const command = commandOf({
    opcode: Opcode.Add,
    valueStart: 8,
    valueEnd: 13,
    casHi: 1,
    casLo: 0xfffffffe,
  })
  assert.equal(
    written((w) => writeBinaryStore(w, command, 0xdeadbeef, 0xe10)),
    hex(
      '80 02 0005 08 00 0210 00000012 deadbeef 00000001fffffffe deadbeef 00000e10 48656c6c6f 576f726c64',
    ),
  )
})

test('a counter has its 64 bit amounts and says whether it may be made', () => {
  const counter = { delta: 2n ** 64n - 2n, initial: 5n }
  assert.equal(
    written((w) =>
      writeBinaryCounter(w, commandOf({ opcode: Opcode.Incr }), counter, NO_VIVIFY_EXPTIME),
    ),
    hex(
      '80 05 0005 14 00 0210 00000019 deadbeef 0000000000000000 fffffffffffffffe 0000000000000005 ffffffff 48656c6c6f',
    ),
  )
})

test('a touch has its exptime', () => {
  assert.equal(
    written((w) => writeBinaryExpiry(w, commandOf({ opcode: Opcode.Touch }), 30)),
    hex('80 1c 0005 04 00 0210 00000009 deadbeef 0000000000000000 0000001e 48656c6c6f'),
  )
})

test('a negative exptime becomes a time long past, one beyond 32 bit the last there is', () => {
  assert.deepEqual([-1, 0, 5, 2 ** 40].map(binaryExptime), [2_592_001, 0, 5, 0xffff_ffff])
})
