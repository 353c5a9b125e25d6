/**
 * Conversations in the binary protocol that memcached and the proxy must answer alike: every opcode
 * of memcached 1.4 with its quiet forms, and what is refused.
 */
import { Opcode } from '@holdfast/protocol'
import type { BinaryCase, BinaryStep } from './conformance-case.ts'

/** Flags and expiry of a store. */
const STORE = '0000000500000000'
const KEY_250 = 'k'.repeat(250)
const O = Opcode

/** Delta, initial value and expiry of a counter. */
function counter(delta: bigint, initial: bigint, exptime = 0): string {
  const extras = Buffer.alloc(20)
  extras.writeBigUInt64BE(delta)
  extras.writeBigUInt64BE(initial, 8)
  extras.writeUInt32BE(exptime, 16)
  return extras.toString('hex')
}

function set(key: string, value: string): BinaryStep {
  return { opcode: O.Set, key, value, extras: STORE }
}

function each(...list: BinaryStep[]): (readonly BinaryStep[])[] {
  return list.map((step) => [step])
}

const A = { key: 'a' }
const NO_COUNTER = 0xffff_ffff

export const BINARY_CASES: readonly BinaryCase[] = [
  {
    name: 'reads of what is there, and of what is not',
    steps: each(
      set('a', 'abc'),
      ...[O.Get, O.GetQ, O.GetK, O.GetKQ].flatMap((opcode, opaque) => [
        { opcode, opaque, ...A },
        { opcode, opaque, key: 'none' },
      ]),
      ...[O.Gat, O.GatQ, O.GatK, O.GatKQ].flatMap((opcode, opaque) => [
        { opcode, opaque, extras: '00000000', ...A },
        { opcode, opaque, extras: '00000000', key: 'none' },
      ]),
      { opcode: O.Touch, extras: '00000064', ...A },
      { opcode: O.Touch, extras: '00000064', key: 'none' },
    ),
  },
  {
    name: 'stores and their quiet forms',
    steps: each(
      { opcode: O.Replace, value: '1', extras: STORE, ...A },
      { opcode: O.ReplaceQ, value: '1', extras: STORE, ...A },
      { opcode: O.Add, value: '1', extras: STORE, ...A },
      { opcode: O.Add, value: '2', extras: STORE, ...A },
      { opcode: O.AddQ, value: '2', extras: STORE, ...A },
      { opcode: O.AddQ, key: 'b', value: '2', extras: STORE },
      { opcode: O.Replace, value: '3', extras: STORE, ...A },
      { opcode: O.ReplaceQ, value: '4', extras: STORE, ...A },
      { opcode: O.SetQ, value: '5', extras: STORE, ...A },
      { opcode: O.Get, ...A },
      { opcode: O.Set, value: '', extras: STORE, ...A },
      { opcode: O.Get, ...A },
    ),
  },
  {
    name: 'appending and prepending',
    steps: each(
      { opcode: O.Append, value: 'x', ...A },
      { opcode: O.AppendQ, value: 'x', ...A },
      { opcode: O.Prepend, value: 'x', ...A },
      { opcode: O.PrependQ, value: 'x', ...A },
      set('a', '1'),
      { opcode: O.Append, value: '2', ...A },
      { opcode: O.AppendQ, value: '3', ...A },
      { opcode: O.Prepend, value: '0', ...A },
      { opcode: O.PrependQ, value: '-', ...A },
      { opcode: O.Get, ...A },
    ),
  },
  {
    name: 'deleting',
    steps: each(
      { opcode: O.Delete, ...A },
      { opcode: O.DeleteQ, ...A },
      set('a', '1'),
      { opcode: O.Delete, ...A },
      set('a', '1'),
      { opcode: O.DeleteQ, ...A },
      { opcode: O.Get, ...A },
    ),
  },
  {
    name: 'compare and set',
    steps: each(
      { opcode: O.Set, value: 'x', extras: STORE, cas: 7n, ...A },
      set('a', '1'),
      { opcode: O.Set, value: '2', extras: STORE, cas: 'newer', ...A },
      { opcode: O.SetQ, value: '2', extras: STORE, cas: 'newer', ...A },
      { opcode: O.Set, value: '2', extras: STORE, cas: 'last', ...A },
      { opcode: O.Add, value: '3', extras: STORE, cas: 'last', ...A },
      { opcode: O.Replace, value: '4', extras: STORE, cas: 'last', ...A },
      { opcode: O.Append, value: '5', cas: 'newer', ...A },
      { opcode: O.Append, value: '5', cas: 'last', ...A },
      { opcode: O.Delete, cas: 'newer', ...A },
      { opcode: O.Get, ...A },
      { opcode: O.Delete, cas: 'last', ...A },
      { opcode: O.Get, ...A },
    ),
  },
  {
    name: 'counters',
    steps: each(
      { opcode: O.Incr, extras: counter(1n, 5n, NO_COUNTER), ...A },
      { opcode: O.IncrQ, extras: counter(1n, 5n, NO_COUNTER), ...A },
      { opcode: O.Decr, extras: counter(1n, 5n, NO_COUNTER), ...A },
      { opcode: O.Incr, extras: counter(1n, 5n), ...A },
      { opcode: O.Incr, extras: counter(2n, 5n), ...A },
      { opcode: O.Decr, extras: counter(3n, 5n), ...A },
      { opcode: O.Decr, extras: counter(100n, 5n), ...A },
      { opcode: O.IncrQ, extras: counter(7n, 5n), ...A },
      { opcode: O.DecrQ, extras: counter(1n, 5n), ...A },
      { opcode: O.Get, ...A },
      { opcode: O.Incr, extras: counter(2n ** 64n - 1n, 0n), ...A },
      { opcode: O.Incr, extras: counter(1n, 0n), cas: 'newer', ...A },
      { opcode: O.IncrQ, extras: counter(1n, 9n), key: 'b' },
      { opcode: O.Get, key: 'b' },
      set('t', 'text'),
      { opcode: O.Incr, extras: counter(1n, 0n), key: 't' },
      { opcode: O.DecrQ, extras: counter(1n, 0n), key: 't' },
    ),
  },
  {
    name: 'a run of quiet reads ended by a no-op',
    steps: [
      [set('a', '1'), set('c', '3')],
      [
        { opcode: O.GetQ, opaque: 1, ...A },
        { opcode: O.GetKQ, opaque: 2, key: 'b' },
        { opcode: O.GetKQ, opaque: 3, key: 'c' },
        { opcode: O.GetKQ, opaque: 4, key: 'c' },
        { opcode: O.Noop, opaque: 5 },
      ],
    ],
  },
  {
    name: 'a run of quiet writes, of which only failures are answered',
    steps: [
      [
        { opcode: O.SetQ, opaque: 1, value: 'x', extras: STORE, ...A },
        { opcode: O.AddQ, opaque: 2, value: 'x', extras: STORE, ...A },
        { opcode: O.DeleteQ, opaque: 3, key: 'none' },
        { opcode: O.AppendQ, opaque: 4, key: 'none', value: 'x' },
        { opcode: O.IncrQ, opaque: 5, extras: counter(1n, 1n), ...A },
        { opcode: O.Get, opaque: 6, ...A },
        { opcode: O.DeleteQ, opaque: 7, ...A },
        { opcode: O.Get, opaque: 8, ...A },
      ],
    ],
  },
  {
    name: 'flushing',
    steps: each(
      set('a', '1'),
      { opcode: O.Flush },
      { opcode: O.Get, ...A },
      set('a', '1'),
      { opcode: O.Flush, extras: '00000000' },
      { opcode: O.Get, ...A },
      set('a', '1'),
      { opcode: O.FlushQ },
      { opcode: O.Get, ...A },
      set('a', '1'),
      { opcode: O.Flush, extras: '000003e8' },
      { opcode: O.Get, ...A },
    ),
  },
  {
    name: 'expiry',
    steps: each(
      { opcode: O.Set, value: 'x', extras: '0000000000278d01', ...A },
      { opcode: O.Get, ...A },
      { opcode: O.Set, value: 'x', extras: '0000000000278d00', ...A },
      { opcode: O.Get, ...A },
      { opcode: O.Touch, extras: '00278d01', ...A },
      { opcode: O.Get, ...A },
    ),
  },
  {
    name: 'keys at their limit',
    steps: each(
      set(KEY_250, 'x'),
      { opcode: O.GetK, key: KEY_250 },
      { opcode: O.Get, key: `${KEY_250}k` },
    ),
  },
  {
    name: 'keys of any bytes',
    steps: each(
      set('a b\0\r\n\xff', 'x'),
      { opcode: O.GetK, key: 'a b\0\r\n\xff' },
      { opcode: O.Append, key: 'a b\0\r\n\xff', value: 'y' },
      { opcode: O.Get, key: 'a b\0\r\n\xff' },
      { opcode: O.Delete, key: 'a b\0\r\n\xff' },
      { opcode: O.GetK, key: 'a b\0\r\n\xff' },
    ),
  },
  { name: 'an unknown opcode', steps: each({ opcode: 0x77, opaque: 9 }, { opcode: O.Noop }) },
  { name: 'a get without a key', steps: each({ opcode: O.Get }) },
  { name: 'a get with extras', steps: each({ opcode: O.Get, extras: '00', ...A }) },
  { name: 'a set without extras', steps: each({ opcode: O.Set, value: 'x', ...A }) },
  { name: 'a quit', steps: [[set('a', '1'), { opcode: O.Quit, opaque: 3 }, { opcode: O.Noop }]] },
  { name: 'a quiet quit', steps: [[set('a', '1'), { opcode: O.QuitQ }, { opcode: O.Noop }]] },
]
