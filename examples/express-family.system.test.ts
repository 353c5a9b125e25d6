import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { MemcachedProcess } from '@holdfast/client/testing'

interface Running {
  url: string
  child: ChildProcess
}

const HERE = fileURLToPath(new URL('.', import.meta.url))

async function start(t: TestContext, file: string, env: Record<string, string>): Promise<Running> {
  const child = spawn(process.execPath, [HERE + file], {
    env: { ...process.env, PORT: '0', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.after(() => child.kill('SIGKILL'))
  let said = ''
  for await (const text of child.stdout.setEncoding('utf8')) {
    said += text
    const port = /listening on (\d+)/.exec(said)?.[1]
    if (port !== undefined) return { url: `http://127.0.0.1:${port}`, child }
  }
  throw new Error(`${file} did not listen: ${said}`)
}

for (const file of ['nestjs/server.ts', 'express-session-store/server.mjs']) {
  test(`${file}: when one server is killed the other goes on with the session`, async (t) => {
    const store = await MemcachedProcess.start()
    t.after(() => store.kill())
    const env = { MEMCACHED_NODES: store.address }
    const one = await start(t, file, { ...env, APP_NAME: 'one' })
    const two = await start(t, file, { ...env, APP_NAME: 'two' })
    const first = await fetch(`${one.url}/count`)
    const cookie = first.headers.getSetCookie()[0]?.split(';', 1)[0] ?? ''
    const count = async ({ url }: Running): Promise<unknown> => {
      const response = await fetch(`${url}/count`, { headers: { cookie } })
      const answer = (await response.json()) as { count: number; app: string }
      return [answer.count, answer.app]
    }
    assert.deepEqual(await count(two), [2, 'two'])
    assert.deepEqual(await count(one), [3, 'one'])
    one.child.kill('SIGKILL')
    await once(one.child, 'exit')
    assert.deepEqual(await count(two), [4, 'two'])
    assert.equal((await fetch(`${two.url}/health`)).status, 200)
    await fetch(`${two.url}/logout`, { method: 'POST', headers: { cookie } })
    assert.deepEqual(await count(two), [1, 'two'])
    two.child.kill('SIGTERM')
    const [code] = await once(two.child, 'exit')
    assert.equal(code, 0)
  })
}
