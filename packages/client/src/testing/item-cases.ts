/**
 * What the meta and binary protocols ask of an item beyond the plain operations, as conversations
 * that every store has to answer as memcached does. `{cas}` stands for the CAS last seen in a
 * reply, `{older}` for one below it.
 */

import { Opcode } from '@holdfast/protocol'

/** Flags 7, expiry 0. */
const STORE_EXTRAS = '0000000700000000'

/** One conversation; every case uses keys of its own. */
export interface ItemCase {
  name: string
  /** Requests without their last line end. */
  steps: readonly string[]
}

/** memcached 1.6.18 gives the expected replies itself. */
export const ITEM_CASES: readonly ItemCase[] = [
  { name: 'a missing key', steps: ['mg a v', 'mg a', 'me a', 'md a', 'ma a', 'mg a t T30'] },
  {
    name: 'hit without and with value',
    steps: ['ms b 2 F7\r\nhi', 'mg b', 'mg b v f s', 'mg b f t'],
  },
  {
    name: 'steps act in the order asked',
    steps: ['ms c 1\r\nx', 'mg c t T30', 'mg c T90 t', 'mg c t'],
  },
  {
    name: 'vivify makes an empty item, the first wins',
    steps: ['mg d t N30 v', 'mg d N30 t v', 'mg d v', 'ms d 2\r\nhi', 'mg d v t N30'],
  },
  { name: 'vivify with expiry first', steps: ['mg e N30 t', 'mg e2 N30 T90 t', 'mg e3 T90 N30 t'] },
  { name: 'vivify of what is expired at once', steps: ['mg f N-1 v', 'mg f v'] },
  { name: 'vivify and recache', steps: ['mg g N30 R100 t', 'mg g R100 t', 'mg g N30 R100 t'] },
  {
    name: 'the first below the recache limit wins, others are told',
    steps: ['ms h 1 T30\r\nx', 'mg h R20 v', 'mg h R100 v', 'mg h R100 v', 'mg h v', 'mg h'],
  },
  { name: 'recache of what never expires', steps: ['ms i 1\r\nx', 'mg i R100 v'] },
  {
    name: 'a store ends a recache',
    steps: ['ms j 1 T30\r\nx', 'mg j R90', 'ms j 1\r\ny', 'mg j v'],
  },
  { name: 'touch keeps a recache', steps: ['ms k 1 T30\r\nx', 'mg k R90', 'touch k 60', 'mg k t'] },
  {
    name: 'an invalidated item is stale, the next reader wins',
    steps: ['ms l 1 c\r\nx', 'md l I T30', 'mg l v t', 'mg l v t', 'mg l', 'ms l 1\r\ny', 'mg l v'],
  },
  {
    name: 'a plain read finds what is stale',
    steps: ['ms m 1\r\nx', 'md m I', 'mg m', 'mg m', 'md m I', 'mg m s', 'get m'],
  },
  {
    name: 'reads and writes pipelined on a stale item',
    steps: ['ms n 1\r\nx', 'md n I', 'mg n v\r\nms n 1\r\ny\r\nmg n v\r\nget n'],
  },
  {
    name: 'a text get claims nothing',
    steps: ['ms o 1\r\nx', 'md o I', 'get o', 'gets p', 'mg o v'],
  },
  {
    name: 'a store with an older CAS and I stores stale',
    steps: [
      'ms q 1 T60\r\nx',
      'md q I',
      'mg q c v',
      'ms q 1 C{older} I T0\r\ny',
      'mg q t v',
      'mg q c',
      'ms q 1 C{cas} I\r\nz',
      'mg q v t',
    ],
  },
  {
    name: 'an older CAS without I',
    steps: ['ms r 1 c\r\nx', 'mg r c', 'ms r 1 C{older}\r\ny', 'mg r v'],
  },
  {
    name: 'a newer CAS with I',
    steps: ['ms s 1\r\nx', 'ms s 1 C1152921504606846975 I\r\ny', 'mg s v'],
  },
  { name: 'invalidating what is missing', steps: ['md t I', 'ms t 1 I C5\r\nx', 'mg t'] },
  {
    name: 'delete compares',
    steps: [
      'ms u 1\r\nx',
      'mg u c',
      'md u C{older}',
      'mg u c v',
      'md u C{cas}',
      'md u C{cas}',
      'mg u',
    ],
  },
  { name: 'delete compares with zero', steps: ['ms v 1\r\nx', 'md v C0', 'mg v v'] },
  {
    name: 'invalidation compares and changes the CAS',
    steps: ['ms w 1\r\nx', 'mg w c', 'md w C{older} I', 'md w C{cas} I', 'md w C{cas}', 'mg w v'],
  },
  {
    name: 'append and prepend compare',
    steps: [
      'ms x 1 F9 T60\r\nx',
      'mg x c',
      'ms x 1 MA C{older}\r\ny',
      'ms x 1 MA C{cas}\r\ny',
      'mg x v f t c',
      'ms x 1 MP C{cas} F3 T0\r\nw',
      'mg x v f t',
      'ms y 1 MA C{cas}\r\ny',
    ],
  },
  { name: 'append ends staleness', steps: ['ms z 1\r\nx', 'md z I', 'ms z 1 MA\r\ny', 'mg z v'] },
  {
    name: 'add and replace with a CAS',
    steps: ['ms aa 1 ME C5\r\nx', 'ms aa 1 ME C5\r\ny', 'ms aa 1 MR C5\r\ny', 'ms ab 1 MR C5\r\ny'],
  },
  {
    name: 'arithmetic vivifies',
    steps: [
      'ma ac N30 J13 v t',
      'ma ac N60 J13 v t',
      'ma ac v t D10 MD',
      'mg ac v t',
      'ma ad N0 v t',
    ],
  },
  {
    name: 'arithmetic touches',
    steps: ['ms ae 1\r\n5', 'ma ae t T30', 'ma ae T60 t v', 'ma ae t v MD'],
  },
  {
    name: 'arithmetic into the past',
    steps: ['ms af 1\r\n5', 'ma af T-1 v', 'mg af v', 'ma af N-1 v', 'mg af'],
  },
  {
    name: 'arithmetic compares',
    steps: [
      'ms ag 1\r\n5',
      'mg ag c',
      'ma ag C{older} v',
      'ma ag C{cas} v',
      'mg ag v',
      'ma ah C7 N0 v',
    ],
  },
  { name: 'arithmetic on text', steps: ['ms ai 3\r\nabc', 'ma ai v', 'ma ai N0 v'] },
  {
    name: 'a number that keeps its length stays stale, one that grows does not',
    steps: ['ms aj 1\r\n8', 'md aj I', 'ma aj v', 'mg aj v', 'ma aj v', 'mg aj v'],
  },
  {
    name: 'largest initial value',
    steps: ['ma ak N0 J18446744073709551615 v', 'ma ak v', 'mg ak v'],
  },
  {
    name: 'read before',
    steps: ['ms al 1\r\nx', 'mg al h t', 'mg al h', 'mg al h u', 'ms al 1\r\ny', 'mg al h'],
  },
  { name: 'not counted as a read', steps: ['ms am 1\r\nx', 'mg am h u', 'mg am h', 'mg am h'] },
  { name: 'last access of a fresh item', steps: ['ms an 1\r\nx', 'mg an l v', 'mg an l h t'] },
  {
    name: 'gone in this second',
    steps: ['ms ao 1 T-1\r\nx', 'mg ao v', 'ms ao 1\r\nx', 'mg ao T-1 v', 'mg ao v'],
  },
  {
    name: 'quiet commands',
    steps: ['ms ap 1 q\r\nx', 'mg ap v q', 'mg aq v q', 'md ap q', 'mg ap v'],
  },
]

/** What memcached 1.6.18 does not know yet: the expected replies are its successors'. */
export const LATER_ITEM_CASES: readonly {
  name: string
  steps: readonly (readonly [request: string, reply: string])[]
}[] = [
  {
    name: 'a CAS of the client',
    steps: [
      ['ms later1 1 E77 c\r\nx', 'HD c77'],
      ['mg later1 c v', 'VA 1 c77\r\nx'],
      ['ms later1 1 C76 E99\r\ny', 'EX'],
      ['ms later1 1 C77 E99 c\r\ny', 'HD c99'],
      ['ms later1 1 C99 E99 c\r\nz', 'HD c99'],
      ['mg later1 c v', 'VA 1 c99\r\nz'],
      ['ma later2 N0 J5 E12 c v', 'VA 1 c12\r\n5'],
      ['ma later2 E13 c v', 'VA 1 c13\r\n6'],
      ['ma later2 E13 c v', 'VA 1 c13\r\n7'],
      ['ms later2 1 MA E14 c\r\n0', 'HD c14'],
      ['md later2 I E15', 'HD'],
      ['mg later2 c v', 'VA 2 c15 X W\r\n70'],
      ['mg later3 N0 E16 c v', 'VA 0 c16 W\r\n'],
    ],
  },
  {
    name: 'appending makes what is missing',
    steps: [
      ['ms n1 2 MA N30 F5\r\nxy', 'HD'],
      ['mg n1 v t', 'VA 2 t30\r\nxy'],
      ['ms n1 1 MP N60\r\nw', 'HD'],
      ['mg n1 v t', 'VA 3 t30\r\nwxy'],
    ],
  },
  {
    name: 'only the value goes',
    steps: [
      ['ms x1 2 F5 T90 E7\r\nhi', 'HD'],
      ['md x1 x T30', 'HD'],
      ['mg x1 v f t c', 'VA 0 f0 t30 c7\r\n'],
      ['md x1 x I T60 E9', 'HD'],
      ['mg x1 t c', 'HD t60 c9 X W'],
      ['md x1 x', 'HD'],
      ['mg x1 t', 'HD t-1'],
    ],
  },
]

/** A binary request; `cas` as in the text of a case. */
export interface BinaryStep {
  opcode: number
  key: string
  /** Extras in hex. */
  extras?: string
  value?: string
  cas?: 'last' | 'older'
}

/** Conversations in the binary protocol. */
export const BINARY_ITEM_CASES: readonly { name: string; steps: readonly BinaryStep[] }[] = [
  {
    name: 'binary: stores with a CAS',
    steps: [
      { opcode: Opcode.Set, key: 'ba', extras: STORE_EXTRAS, value: 'x' },
      { opcode: Opcode.Set, key: 'ba', extras: STORE_EXTRAS, value: 'y', cas: 'older' },
      { opcode: Opcode.Set, key: 'ba', extras: STORE_EXTRAS, value: 'y', cas: 'last' },
      { opcode: Opcode.Replace, key: 'ba', extras: STORE_EXTRAS, value: 'z', cas: 'older' },
      { opcode: Opcode.Add, key: 'ba', extras: STORE_EXTRAS, value: 'z', cas: 'last' },
      { opcode: Opcode.Add, key: 'bb', extras: STORE_EXTRAS, value: 'z', cas: 'last' },
      { opcode: Opcode.Append, key: 'ba', value: '1', cas: 'older' },
      { opcode: Opcode.Append, key: 'ba', value: '1', cas: 'last' },
      { opcode: Opcode.Prepend, key: 'ba', value: '0', cas: 'last' },
      { opcode: Opcode.Append, key: 'bb', value: '1', cas: 'last' },
      { opcode: Opcode.Get, key: 'ba' },
      { opcode: Opcode.Delete, key: 'ba', cas: 'older' },
      { opcode: Opcode.Delete, key: 'ba', cas: 'last' },
      { opcode: Opcode.Delete, key: 'ba', cas: 'last' },
    ],
  },
  {
    name: 'binary: counters',
    steps: [
      { opcode: Opcode.Incr, key: 'bc', extras: `${'0'.repeat(32)}ffffffff` },
      { opcode: Opcode.Incr, key: 'bc', extras: `000000000000000500000000000000070000001e` },
      { opcode: Opcode.Incr, key: 'bc', extras: `000000000000000500000000000000070000001e` },
      {
        opcode: Opcode.Decr,
        key: 'bc',
        extras: `000000000000000100000000000000070000001e`,
        cas: 'older',
      },
      {
        opcode: Opcode.Decr,
        key: 'bc',
        extras: `000000000000000100000000000000070000001e`,
        cas: 'last',
      },
      { opcode: Opcode.Get, key: 'bc' },
      {
        opcode: Opcode.Incr,
        key: 'bd',
        extras: `00000000000000010000000000000000ffffffff`,
        cas: 'last',
      },
    ],
  },
  {
    name: 'binary: touch and get-and-touch answer the CAS',
    steps: [
      { opcode: Opcode.Touch, key: 'be', extras: '0000003c' },
      { opcode: Opcode.Set, key: 'be', extras: STORE_EXTRAS, value: 'x' },
      { opcode: Opcode.Touch, key: 'be', extras: '0000003c' },
      { opcode: Opcode.Gat, key: 'be', extras: '0000003c' },
      { opcode: Opcode.GatK, key: 'be', extras: '00000000' },
      { opcode: Opcode.Set, key: 'be', extras: STORE_EXTRAS, value: 'y', cas: 'last' },
    ],
  },
]
