// A member's own look at engines whose manager is not heard, at a real engine that is frozen.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { engineProgram, freeze, startEngines, until } from '@holdfast/client/testing'
import { type RemoteEngine, RemoteLooks } from './remote-looks.ts'

const skip = engineProgram() === undefined && 'no engine program'

test('a look counts for one absence of the manager only', { skip }, async (t) => {
  const engines = await startEngines(1, 0)
  const looks = new RemoteLooks()
  t.after(async () => {
    looks.close()
    await engines.stop()
  })
  const engine = engines.shards[0]?.[0]
  assert.ok(engine !== undefined)
  const { port } = engine
  const watched: RemoteEngine[] = [
    { member: 1, host: '127.0.0.1', port, password: '', bucketUuid: 'b', shard: 0 },
  ]
  const kind = () => {
    looks.watch(watched)
    return looks.get(1, port)?.kind
  }
  await until('the engine is seen', () => kind() === 'answers')
  assert.equal(looks.allAnswer(1), true)

  looks.watch([])
  assert.equal(looks.get(1, port), null, 'its manager is heard: there is no judgement')

  await freeze(engine.process)
  t.after(() => engine.process.kill('SIGCONT'))
  let seen = kind()
  while (seen === undefined) {
    await new Promise((resolve) => setTimeout(resolve, 10))
    seen = kind()
  }
  assert.equal(seen, 'silent', 'what was seen in the first absence does not count in the second')
})
