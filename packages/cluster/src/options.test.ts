import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ENGINE_PORT_MAX, NodeOptionError, nodeOptionTable, readNodeOptions } from './options.ts'

const GIVEN = {
  data: '/var/lib/holdfast',
  host: '127.0.0.1',
  port: '8091',
  gatewayPort: '11211',
  dataPort: '11210',
  enginePorts: '12000-12099',
}

test('texts from the command line become numbers and ranges', () => {
  assert.deepEqual(readNodeOptions(GIVEN), {
    data: '/var/lib/holdfast',
    host: '127.0.0.1',
    port: 8091,
    gatewayPort: 11_211,
    dataPort: 11_210,
    enginePorts: [12_000, 12_099],
    arbiter: false,
    tls: null,
    admin: null,
  })
})

test('the defaults of the table are options that can be used', () => {
  const defaults = nodeOptionTable.flatMap(({ flags, default: standard }) => {
    const name = /--([a-z-]+)/.exec(flags)?.[1] ?? ''
    const key = name.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase())
    return standard === '' ? [] : [[key, standard]]
  })
  const options = readNodeOptions({ ...Object.fromEntries(defaults), data: 'folder' })
  assert.deepEqual(options, readNodeOptions({ ...GIVEN, data: 'folder' }))
})

const REFUSED: [about: string, given: Record<string, unknown>, message: RegExp][] = [
  ['no folder', { ...GIVEN, data: '' }, /^--data is required$/],
  ['a port that is none', { ...GIVEN, port: 'x' }, /^--port /],
  ['a port out of range', { ...GIVEN, gatewayPort: '65536' }, /^--gateway-port /],
  ['engine ports without an end', { ...GIVEN, enginePorts: '12000' }, /--engine-ports .*FROM-TO/],
  ['engine ports the wrong way round', { ...GIVEN, enginePorts: '12099-12000' }, /--engine-ports /],
  [
    'engine ports whose bus ports are ephemeral',
    { ...GIVEN, enginePorts: `12000-${ENGINE_PORT_MAX + 1}` },
    /--engine-ports must lie within 1024-22767/,
  ],
]

for (const [about, given, message] of REFUSED) {
  test(`refused, with the option's name: ${about}`, () => {
    assert.throws(
      () => readNodeOptions(given),
      (error) => error instanceof NodeOptionError && message.test(error.message),
    )
  })
}

test('TLS needs a certificate and its key', () => {
  const files = { tlsCert: 'a.crt', tlsKey: 'a.key' }
  const { tls } = readNodeOptions({ ...GIVEN, ...files })
  assert.deepEqual(tls, { certFile: 'a.crt', keyFile: 'a.key', port: 18_091 })
  assert.throws(
    () => readNodeOptions({ ...GIVEN, tlsCert: 'a.crt' }),
    /^.*--tls-cert and --tls-key go together$/,
  )
})

test('an admin is given by name and password, and both are checked', () => {
  const password = 'correct horse'
  const { admin } = readNodeOptions({ ...GIVEN, adminPassword: password })
  assert.deepEqual(admin, { username: 'Administrator', password })
  assert.equal(readNodeOptions({ ...GIVEN, admin: 'root' }).admin, null)
  assert.throws(() => readNodeOptions({ ...GIVEN, admin: 'a:b' }), /--admin must/)
  assert.throws(
    () => readNodeOptions({ ...GIVEN, adminPassword: 'short' }),
    (error) => error instanceof NodeOptionError && !error.message.includes('short'),
  )
})

test('every mistake is told at once', () => {
  assert.throws(
    () => readNodeOptions({ ...GIVEN, port: '0', dataPort: '0' }),
    /--port .*; --data-port /,
  )
})
