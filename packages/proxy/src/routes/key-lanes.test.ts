import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type Backend,
  type BackendReport,
  Fork,
  type Operation,
  Outcome,
  Turn,
} from '@holdfast/client'
import { TextUpstream } from '@holdfast/client/testing'
import { Op } from '@holdfast/protocol'
import { KeyLanes } from './key-lanes.ts'

/** Lanes over a backend whose operations end when the test says so. */
class HeldBackend implements Backend {
  readonly begun: Operation[] = []
  readonly lanes: KeyLanes = new KeyLanes((operation) => {
    this.begun.push(operation)
    const fork = new Fork(operation, (child) => fork.answerWith(child))
    fork.child()
    return fork
  })

  get names(): string[] {
    return this.begun.map(({ buf, kind, keyStart, keyEnd }) => {
      return kind === Op.FlushAll ? 'flush' : `${kind}${buf.toString('latin1', keyStart, keyEnd)}`
    })
  }

  submit(operation: Operation): void {
    this.lanes.submit(operation)
  }

  /** Ends the oldest operation under way. */
  end(): void {
    const operation = this.begun.shift()
    operation?.decide(Outcome.Ok)
    operation?.settle()
  }

  report(): BackendReport {
    return { kind: 'policy', usable: true, outstanding: 0, servers: [], counters: {} }
  }

  async stop(): Promise<void> {}
}

function begin(): { held: HeldBackend; client: TextUpstream } {
  const held = new HeldBackend()
  return { held, client: new TextUpstream(held, new Turn(), 60_000) }
}

test('writes of one key wait for each other, other keys do not', () => {
  const { held, client } = begin()
  client.send('delete a\r\ndelete a\r\ndelete b\r\n')
  assert.deepEqual(held.names, [`${Op.Delete}a`, `${Op.Delete}b`])
  assert.equal(held.lanes.waiting, 1)
  held.end()
  assert.deepEqual(held.names, [`${Op.Delete}b`, `${Op.Delete}a`])
  assert.equal(held.lanes.waiting, 0)
  client.close()
})

test('reads go together, but neither overtake a write nor are overtaken', () => {
  const { held, client } = begin()
  client.send('get a\r\nget a\r\ndelete a\r\nget a\r\n')
  assert.deepEqual(held.names, [`${Op.Get}a`, `${Op.Get}a`])
  held.end()
  assert.deepEqual(held.names, [`${Op.Get}a`])
  held.end()
  assert.deepEqual(held.names, [`${Op.Delete}a`])
  held.end()
  assert.deepEqual(held.names, [`${Op.Get}a`])
  client.close()
})

test('flush_all waits for all before it and holds all after it', () => {
  const { held, client } = begin()
  client.send('delete a\r\nflush_all\r\nget b\r\nflush_all\r\n')
  assert.deepEqual(held.names, [`${Op.Delete}a`])
  held.end()
  assert.deepEqual(held.names, ['flush'])
  held.end()
  assert.deepEqual(held.names, [`${Op.Get}b`])
  held.end()
  assert.deepEqual(held.names, ['flush'])
  held.end()
  client.send('get c\r\n')
  assert.deepEqual(held.names, [`${Op.Get}c`])
  client.close()
})

test('what ran out of time while it waited is left out', () => {
  const { held, client } = begin()
  client.send('delete a\r\n')
  const late: Operation[] = []
  const catching = new TextUpstream(
    {
      submit: (operation) => {
        late.push(operation)
        held.submit(operation)
      },
      report: () => held.report(),
      stop: async () => {},
    },
    new Turn(),
  )
  catching.send('delete a\r\nincr a 1\r\n')
  late[0]?.fail('SERVER_ERROR too late')
  held.end()
  assert.deepEqual(held.names, [`${Op.Incr}a`])
  client.close()
  catching.close()
})

test('a long queue of operations that end at once does not exhaust the stack', async () => {
  const turn = new Turn()
  let isHeld = true
  let first: Operation | undefined
  const lanes = new KeyLanes((operation) => {
    const fork = new Fork(operation, (child) => fork.answerWith(child))
    const child = fork.child()
    if (isHeld) first = child
    else child.fail('SERVER_ERROR away')
    return fork
  })
  const backend: Backend = {
    submit: (operation) => lanes.submit(operation),
    report: () => ({ kind: 'policy', usable: true, outstanding: 0, servers: [], counters: {} }),
    stop: async () => {},
  }
  const client = new TextUpstream(backend, turn, 60_000)
  const answered = client.ask('delete a\r\n'.repeat(50_000))
  isHeld = false
  first?.fail('SERVER_ERROR away')
  assert.equal(await answered, 'SERVER_ERROR away\r\n'.repeat(50_000))
  client.close()
})
