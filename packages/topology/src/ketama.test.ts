import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import {
  type KeyLocator,
  ketamaHash,
  ketamaLibvbucket,
  ketamaPlain,
  ketamaWeighted,
  modula,
  oneAtATime,
  type RingServer,
} from './ketama.ts'

const KEYS = [...Array.from({ length: 12 }, (_, n) => `key${n}`), 'hello', 'a', 'SESS1']
const on = (port: number, weights?: number[]): RingServer[] =>
  ['10.0.0.1', '10.0.0.2', '10.0.0.3'].map((host, index) => ({
    name: `${host}:${port}`,
    ...(weights === undefined ? {} : { weight: weights[index] ?? 1 }),
  }))
const choices = (locate: KeyLocator): string =>
  KEYS.map((key) => locate(Buffer.from(key))).join(' ')

test('each form chooses the servers that its original chooses', () => {
  const vectors: [string, KeyLocator, string][] = [
    ['weighted', ketamaWeighted(on(11211)), '1 0 2 2 0 2 0 0 0 2 0 0 1 1 2'],
    ['weighted 11210', ketamaWeighted(on(11210)), '0 0 2 2 2 1 1 2 2 2 1 2 1 1 2'],
    ['100 points', ketamaPlain(on(11211)), '2 0 1 2 0 2 1 0 0 1 2 0 0 1 1'],
    ['100 points 11210', ketamaPlain(on(11210)), '0 2 0 2 1 0 0 2 2 2 1 2 1 1 2'],
    ['libvbucket', ketamaLibvbucket(on(11211)), '2 0 2 0 1 0 2 2 1 0 0 0 0 2 0'],
    ['libvbucket 11210', ketamaLibvbucket(on(11210)), '0 0 2 2 2 1 1 2 2 2 1 2 1 1 2'],
    ['modula', modula(on(11211)), '2 2 2 2 2 2 2 1 1 1 0 1 0 0 2'],
    ['modula 11210', modula(on(11210)), '2 2 2 2 2 2 2 1 1 1 0 1 0 0 2'],
    ['weights 1,1,2', ketamaWeighted(on(11211, [1, 1, 2])), '1 0 2 2 0 2 0 0 0 2 1 0 1 1 2'],
  ]
  for (const [form, locate, expected] of vectors) assert.equal(choices(locate), expected, form)
})

test('each form agrees over 10000 keys', () => {
  const sums: [string, KeyLocator, string][] = [
    [
      'weighted',
      ketamaWeighted(on(11211)),
      'f6cf1925b7f26e63dd9b367ccff41113c2adf114759eae6b56951345edf244b0',
    ],
    [
      '100 points',
      ketamaPlain(on(11211)),
      'a67525d4defbf9eed4c2f01fe3b9124e01b3ddd97b24e8d781d8c0f8a86ba297',
    ],
    [
      'libvbucket',
      ketamaLibvbucket(on(11211)),
      'd456025b637df024a8a40034514ebd276ad88d4c43fc934e2b5069af2ff4a90d',
    ],
    [
      'modula',
      modula(on(11211)),
      '21be4c8f66af8e4a939501ee554442e0c98ebf9b78b4eaf783d359ac02385a34',
    ],
  ]
  for (const [form, locate, expected] of sums) {
    const sum = createHash('sha256')
    for (let n = 0; n < 10_000; n++) sum.update(String(locate(Buffer.from(`key${n}`))))
    assert.equal(sum.digest('hex'), expected, form)
  }
})

test('the hashes are the originals', () => {
  const md5 = (key: string): number => ketamaHash(Buffer.from(`<${key}>`), 1, 1 + key.length)
  const jenkins = (key: string): number => oneAtATime(Buffer.from(`<${key}>`), 1, 1 + key.length)
  assert.deepEqual(['key0', 'hello', 'SESS1'].map(md5), [4060279841, 708854109, 3955258842])
  assert.deepEqual(['key0', 'hello', 'SESS1'].map(jenkins), [1952532230, 3372029979, 1660023704])
})

test('libvbucket ketama does not depend on the order of the list', () => {
  const [a, b, c] = on(11211)
  assert.ok(a && b && c)
  const names = (servers: RingServer[]): string[] => {
    const locate = ketamaLibvbucket(servers)
    return KEYS.map((key) => servers[locate(Buffer.from(key))]?.name ?? '')
  }
  assert.deepEqual(names([c, a, b]), names([a, b, c]))
})

test('a ring of one server always chooses it, a ring of none is refused', () => {
  for (const form of [ketamaWeighted, ketamaPlain, ketamaLibvbucket, modula]) {
    assert.equal(form([{ name: 'a:1' }])(Buffer.from('x')), 0)
    assert.throws(() => form([]), RangeError)
  }
})
