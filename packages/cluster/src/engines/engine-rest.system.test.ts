import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { until } from '@holdfast/client/testing'
import { EngineControl } from './engine-control.ts'
import { EngineWatch } from './engine-watch.ts'
import { findEngine } from './find-engine.ts'

const PASSWORD = 'secret'
const WAIT_MS = 30_000
/** As often as the supervisor looks: looks are operations, too. */
const LOOK_INTERVAL_MS = 250

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

test('an engine that nobody asks ticks ten times a second, a busy one a hundred times', async (t) => {
  const { path } = await findEngine(process.env)
  const port = await freePort()
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-rest-'))
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--requirepass', PASSWORD]
  args.push('--cluster-enabled', 'yes', '--dir', folder)
  const engine = spawn(path, [...args, '--hz', '100', '--save', ''], { stdio: 'ignore' })
  const place = { host: '127.0.0.1', port, password: PASSWORD }
  const client = new EngineControl(place)
  const told = { news: 0, figures: 0 }
  const watch = new EngineWatch({
    ...place,
    carriesData: false,
    onNews: () => told.news++,
    onFigures: () => told.figures++,
  })
  t.after(async () => {
    watch.close()
    client.close()
    engine.kill('SIGKILL')
    await once(engine, 'exit')
    await rm(folder, { recursive: true })
  })
  const ticks = async (): Promise<string> => {
    await delay(LOOK_INTERVAL_MS)
    await watch.look()
    const answer = await client.call('CONFIG', 'GET', 'hz').catch(() => [])
    return Array.isArray(answer) ? String(answer[1]) : ''
  }
  await until('as it was started', async () => (await ticks()) === '100', WAIT_MS)
  await until('at rest', async () => (await ticks()) === '10', WAIT_MS)
  const { news } = told
  const work = async (): Promise<boolean> => {
    await Promise.all(Array.from({ length: 100 }, () => client.call('PING')))
    return (await ticks()) === '100'
  }
  await until('at work', work, WAIT_MS)
  assert.equal(told.news, news, 'counters alone are no news')
  assert.ok(told.figures > 0)
})
