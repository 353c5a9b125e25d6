import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { type Viewer, WATCHED_MAX, WatchedAnswers } from './watched-answers.ts'

const ADMIN: Viewer = { role: 'admin', localAddress: '10.0.0.1' }
const READER: Viewer = { role: 'reader', localAddress: '10.0.0.1' }

/** Paths that answer with a number, which the test moves on. */
function world() {
  const asked: string[] = []
  const state = { value: 1, held: null as Promise<void> | null }
  const answers = new WatchedAnswers(async (path, viewer) => {
    asked.push(`${viewer.role} ${path}`)
    const { value } = state
    await state.held
    return { status: 200, body: String(value) }
  })
  return { asked, state, answers }
}

async function settle(): Promise<void> {
  for (let n = 0; n < 5; n++) await turn()
}

test('an answer is told at once and then when it is another one', async () => {
  const { answers, state } = world()
  const told: string[] = []
  answers.watch('/a', ADMIN, (text) => told.push(text))
  await settle()
  answers.look()
  await settle()
  state.value = 2
  answers.look()
  await settle()
  assert.deepEqual(told, [
    '{"path":"/a","status":200,"body":1}',
    '{"path":"/a","status":200,"body":2}',
  ])
})

test('all who see the same cost one request, others have their own', async () => {
  const { answers, asked } = world()
  const told = { first: 0, second: 0, reader: 0 }
  answers.watch('/a', ADMIN, () => told.first++)
  await settle()
  answers.watch('/a', ADMIN, () => told.second++)
  answers.watch('/a', READER, () => told.reader++)
  await settle()
  assert.deepEqual(told, { first: 1, second: 1, reader: 1 })
  assert.deepEqual(asked, ['admin /a', 'reader /a'])
  answers.look()
  await settle()
  assert.deepEqual(asked.slice(2), ['admin /a', 'reader /a'])
})

test('nothing is asked when nobody watches any more', async () => {
  const { answers, asked } = world()
  const stop = answers.watch('/a', ADMIN, () => {})
  await settle()
  stop?.()
  answers.look()
  await settle()
  assert.equal(answers.size, 0)
  assert.equal(asked.length, 1)
})

test('a slow answer is not asked for twice at a time, but once more if something changed', async () => {
  const { answers, asked, state } = world()
  const { promise, resolve } = Promise.withResolvers<void>()
  state.held = promise
  const told: string[] = []
  answers.watch('/a', ADMIN, (text) => told.push(text))
  state.value = 2
  for (let n = 0; n < 3; n++) answers.look()
  assert.equal(asked.length, 1)
  state.held = null
  resolve()
  await settle()
  assert.equal(asked.length, 2)
  assert.equal(told.length, 2)
})

test('a request that fails is an answer too', async () => {
  const answers = new WatchedAnswers(() => Promise.reject(new Error('no leader')))
  const told: string[] = []
  answers.watch('/a', ADMIN, (text) => told.push(text))
  await settle()
  assert.deepEqual(told, ['{"path":"/a","status":500,"body":["no leader"]}'])
})

test('the number of different answers is bounded', () => {
  const { answers } = world()
  for (let n = 0; n < WATCHED_MAX; n++) assert.ok(answers.watch(`/${n}`, ADMIN, () => {}))
  assert.equal(
    answers.watch('/more', ADMIN, () => {}),
    null,
  )
  assert.ok(answers.watch('/0', ADMIN, () => {}))
})
