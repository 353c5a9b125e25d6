import assert from 'node:assert/strict'
import { afterEach, describe, test } from 'node:test'
import { ConfigFollower } from './config-follower.ts'
import { until } from './testing/engines.ts'
import {
  ALL,
  clientsOf,
  rounds,
  startBucket,
  stopBuckets,
  underLoad,
} from './testing/vbucket-bucket.ts'
import { VBucketConfigStream } from './testing/vbucket-config-stream.ts'

afterEach(stopBuckets)

describe('a vBucket backend and what its configs say', () => {
  test('logs in as the bucket, follows a changed password, and logs no password', async () => {
    const users = new Map([['default', 'first-secret']])
    const bucket = await startBucket(2, {}, { users })
    bucket.apply({ saslPassword: 'first-secret' })
    const clients = clientsOf(bucket, 2)
    await underLoad(clients, () => rounds(clients, 20))
    assert.deepEqual(bucket.server(0).logins, ['PLAIN default'])
    users.set('default', 'second-secret')
    await underLoad(clients, async () => {
      bucket.apply({ saslPassword: 'second-secret' })
      await rounds(clients, 50)
    })
    bucket.apply({ saslPassword: 'wrong-secret' })
    const upstream = bucket.upstream()
    assert.match(await upstream.ask('get a\r\n'), /^SERVER_ERROR proxy write to downstream/)
    assert.match(bucket.log.join('\n'), /refused the credentials, status 0x20/)
    assert.doesNotMatch(bucket.log.join('\n'), /secret/)
    assert.doesNotMatch(JSON.stringify(bucket.backend.report()), /secret/)
  })

  test('a Couchbase with users: own credentials, and the bucket is selected', async () => {
    const users = new Map([['app', 'pw']])
    const options = { credentials: { username: 'app', password: 'pw' } }
    const bucket = await startBucket(1, options, {
      users,
      mechanisms: 'SCRAM-SHA512 PLAIN',
      buckets: ['travel'],
    })
    bucket.apply({ name: 'travel', rev: 1 })
    assert.equal(await bucket.upstream().ask('get a\r\n'), 'END\r\n')
    assert.deepEqual(bucket.server(0).logins, ['SCRAM-SHA512 app'])
    assert.deepEqual(bucket.server(0).selected, ['travel'])
  })

  test('follows a config stream, and goes on with its last config when the stream is lost', async () => {
    const bucket = await startBucket(3)
    const stream = await new VBucketConfigStream(bucket.json()).start()
    const follower = new ConfigFollower({
      urls: [stream.url],
      version: '1.2.3',
      onConfig: (config) => bucket.backend.applyConfig(config),
    })
    follower.start()
    const clients = clientsOf(bucket, 3)
    await underLoad(clients, async () => {
      await rounds(clients, 50)
      for (const v of ALL) bucket.move(v, (v + 1) % 3)
      stream.publish(bucket.json())
      await rounds(clients, 50)
      stream.cut()
      await until('asked again', () => stream.asked === 2)
      await stream.stop()
      await rounds(clients, 100)
    })
    follower.stop()
    assert.equal(bucket.backend.counters.not_my_vbucket_given_up, 0)
  })
})
