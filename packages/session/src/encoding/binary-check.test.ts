import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cborFault } from './cbor-check.ts'
import { messagePackFault } from './message-pack-check.ts'

const DEPTH_MAX = 3

const MESSAGE_PACK: readonly [bytes: string, fault: string | undefined][] = [
  ['00', undefined],
  ['7f', undefined],
  ['e0', undefined],
  ['c0', undefined],
  ['c2', undefined],
  ['c3', undefined],
  ['cc80', undefined],
  ['cd8000', undefined],
  ['ce80000000', undefined],
  ['d080', undefined],
  ['d18000', undefined],
  ['d280000000', undefined],
  ['ca00000000', undefined],
  ['cb0000000000000000', undefined],
  ['a3616263', undefined],
  ['d90161', undefined],
  ['da000161', undefined],
  ['db0000000161', undefined],
  ['c40100', undefined],
  ['c5000100', undefined],
  ['c60000000100', undefined],
  ['9201a161', undefined],
  ['dc000101', undefined],
  ['dd0000000101', undefined],
  ['81a16101', undefined],
  ['de0001d9016101', undefined],
  ['df00000001a16101', undefined],
  ['91919100', undefined],
  ['9191919100', 'nested too deep'],
  ['', 'cut short'],
  ['a26a', 'cut short'],
  ['dbffffffff61', 'cut short'],
  ['ddffffffff', 'cut short'],
  ['dfffffffffa161', 'cut short'],
  ['cb00', 'cut short'],
  ['0000', 'length does not match'],
  ['810101', 'a key is not text'],
  ['8192a16100', 'a key is not text'],
  ['cf0000000000000001', 'type 0xcf is not read'],
  ['d30000000000000001', 'type 0xd3 is not read'],
  ['c1', 'type 0xc1 is not read'],
  // A record, an error, undefined, a timestamp.
  ['d57240e091a1610101', 'type 0xd5 is not read'],
  ['c70365a3616263', 'type 0xc7 is not read'],
  ['d40000', 'type 0xd4 is not read'],
  ['d6ff00000000', 'type 0xd6 is not read'],
]

const CBOR: readonly [bytes: string, fault: string | undefined][] = [
  ['00', undefined],
  ['17', undefined],
  ['1880', undefined],
  ['198000', undefined],
  ['1a80000000', undefined],
  ['20', undefined],
  ['3a80000000', undefined],
  ['4100', undefined],
  ['63616263', undefined],
  ['780161', undefined],
  ['7a0000000161', undefined],
  ['820161' + '61', undefined],
  ['9a0000000101', undefined],
  ['a1616101', undefined],
  ['f4', undefined],
  ['f5', undefined],
  ['f6', undefined],
  ['fa00000000', undefined],
  ['fb0000000000000000', undefined],
  ['81818100', undefined],
  ['8181818100', 'nested too deep'],
  ['', 'cut short'],
  ['18', 'cut short'],
  ['626a', 'cut short'],
  ['9affffffff', 'cut short'],
  ['baffffffff6161', 'cut short'],
  ['0000', 'length does not match'],
  ['a10101', 'a key is not text'],
  ['1b0000000000000001', 'type 0x1b is not read'],
  ['9bffffffffffffffff', 'type 0x9b is not read'],
  ['9f01ff', 'type 0x9f is not read'],
  ['bf616101ff', 'type 0xbf is not read'],
  ['7f6161ff', 'type 0x7f is not read'],
  ['f7', 'type 0xf7 is not read'],
  ['f93c00', 'type 0xf9 is not read'],
  ['ff', 'type 0xff is not read'],
  // A date, an object of a class, a reference, a record.
  ['c101', 'tag 1 is not read'],
  ['d81b826545727201', 'tag 27 is not read'],
  ['d81d00', 'tag 29 is not read'],
  ['d9dfff8319e0008161610001', 'tag 57343 is not read'],
]

for (const [name, faultOf, table] of [
  ['MessagePack', messagePackFault, MESSAGE_PACK],
  ['CBOR', cborFault, CBOR],
] as const) {
  test(`${name}: only complete plain trees are let through`, () => {
    for (const [bytes, fault] of table) {
      assert.equal(faultOf(Buffer.from(bytes, 'hex'), DEPTH_MAX), fault, bytes)
    }
  })

  test(`${name}: no beginning of what is let through is let through`, () => {
    for (const [hex, fault] of table) {
      const bytes = Buffer.from(hex, 'hex')
      for (let length = 0; fault === undefined && length < bytes.length; length++) {
        assert.notEqual(faultOf(bytes.subarray(0, length), DEPTH_MAX), undefined, hex)
      }
    }
  })
}
