import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { pino } from 'pino'
import { EVENTS_MAX, EventLog, type LogEntry, mergeEntries } from './event-log.ts'

let folder = ''
const log = pino({ level: 'silent' })

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-events-'))
})

after(() => rm(folder, { recursive: true, force: true }))

function openLog(name: string): EventLog {
  return new EventLog({ path: join(folder, name), node: () => 'ns_1@host', log })
}

test('an event has the members of the original and outlives the node', async () => {
  const first = openLog('a')
  await first.open()
  first.add('bucketCreated', 'Created bucket "x" of type: membase')
  await first.close()
  const second = openLog('a')
  await second.open()
  const [entry] = second.entries
  assert.ok(entry)
  const { tstamp, ...rest } = entry
  assert.ok(Math.abs(tstamp - Date.now()) < 60_000)
  assert.deepEqual(rest, {
    node: 'ns_1@host',
    type: 'info',
    code: 12,
    module: 'menelaus_web',
    shortText: 'bucket created',
    text: 'Created bucket "x" of type: membase',
  })
})

test('only the newest events are kept, in memory and in the file', async () => {
  const events = openLog('b')
  await events.open()
  for (let turn = 0; turn < 3; turn++) {
    for (let i = 0; i < EVENTS_MAX; i++) events.add('clientError', `${turn}/${i}`)
    await events.close()
  }
  events.add('clientError', 'last')
  await events.close()
  assert.equal(events.entries.length, EVENTS_MAX)
  assert.equal(events.entries.at(-1)?.text, 'last')
  const lines = (await readFile(join(folder, 'b'), 'utf8')).trimEnd().split('\n')
  assert.ok(lines.length <= 2 * EVENTS_MAX, String(lines.length))
  assert.match(lines.at(-1) ?? '', /"last"/)
})

test('a line that cannot be read does not hide the others', async () => {
  const events = openLog('c')
  await events.open()
  events.add('leads', 'one')
  await events.close()
  const text = await readFile(join(folder, 'c'), 'utf8')
  await writeFile(join(folder, 'c'), `${text}{"node":\n`)
  const again = openLog('c')
  await again.open()
  assert.deepEqual(
    again.entries.map((entry) => entry.text),
    ['one'],
  )
})

test('events of several nodes are merged by time, the newest within the limit', () => {
  const at = (node: string, tstamp: number): LogEntry => {
    return { node, tstamp, type: 'info', code: 1, module: 'm', shortText: '', text: '' }
  }
  const lists = [
    [at('a', 1), at('a', 4)],
    [at('b', 2), at('b', 3), at('b', 5)],
  ]
  const times = (sinceMs: number, limit: number) =>
    mergeEntries(lists, { sinceMs, limit }).map((entry) => entry.tstamp)
  assert.deepEqual(times(0, 10), [1, 2, 3, 4, 5])
  assert.deepEqual(times(3, 10), [3, 4, 5])
  assert.deepEqual(times(0, 2), [4, 5])
  assert.deepEqual(times(0, 0), [])
})
