import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { MemcachedProcess } from '@holdfast/client/testing'
import { createSessions, type Session, type WebSessions } from './index.ts'

const URL = 'http://site.test/'
/** Far less than a lock lives when nobody gives it back. */
const LOCK_WAIT_MS = 2000

let memcached: MemcachedProcess
let sessions: WebSessions
before(async () => {
  memcached = await MemcachedProcess.start()
  sessions = createSessions({
    memcachedNodes: memcached.address,
    secret: 's',
    sticky: false,
    lockingMode: 'all',
    lockExpiration: 60,
    lockWait: LOCK_WAIT_MS,
  })
})
after(async () => {
  await sessions.close()
  await memcached.kill()
})

async function begunSession(): Promise<string> {
  const response = await sessions.handle(new Request(URL), (_request, session) => {
    session.set('n', 0)
    return new Response()
  })
  return response.headers.getSetCookie()[0]?.split(';', 1)[0] ?? ''
}

function visit(
  cookie: string,
  handler: (session: Session) => Response | Promise<Response>,
  init: RequestInit = {},
): Promise<Response> {
  const request = new Request(URL, { ...init, headers: { cookie } })
  return sessions.handle(request, (_request, session) => handler(session))
}

/** Answers in time only when nobody holds the lock. */
async function assertUnlocked(cookie: string): Promise<void> {
  assert.equal((await visit(cookie, () => new Response())).status, 200)
}

function endless(): ReadableStream {
  return new ReadableStream({
    pull: async (controller) => {
      await new Promise(setImmediate)
      await new Promise(setImmediate)
      controller.enqueue(new Uint8Array(8))
    },
  })
}

test('with locks parallel increments run one after the other', async () => {
  const cookie = await begunSession()
  await Promise.all(
    Array.from({ length: 10 }, () =>
      visit(cookie, async (session) => {
        const n = Number(session.get('n'))
        await new Promise(setImmediate)
        session.set('n', n + 1)
        return new Response('ok')
      }),
    ),
  )
  await visit(cookie, (session) => {
    assert.equal(session.get('n'), 10)
    return new Response()
  })
})

test('the lock of a plain response, a HEAD and a failed handler is given back', async () => {
  const cookie = await begunSession()
  await visit(cookie, () => new Response('never read'))
  await assertUnlocked(cookie)
  await visit(cookie, () => new Response(endless()), { method: 'HEAD' })
  await assertUnlocked(cookie)
  const broken = visit(cookie, () => {
    throw new Error('application broke')
  })
  await assert.rejects(broken)
  await assertUnlocked(cookie)
})

test('the lock of a stream is given back at its end, cancel or abort', async () => {
  const cookie = await begunSession()
  const whole = await visit(cookie, () => {
    let chunks = 3
    const stream = endless().pipeThrough(
      new TransformStream({
        transform: (chunk, controller) => {
          controller.enqueue(chunk)
          if (--chunks === 0) controller.terminate()
        },
      }),
    )
    return new Response(stream)
  })
  assert.equal((await whole.arrayBuffer()).byteLength, 24)
  await assertUnlocked(cookie)
  const cancelled = await visit(cookie, () => new Response(endless()))
  await cancelled.body?.cancel()
  await assertUnlocked(cookie)
  const leaving = new AbortController()
  await visit(cookie, () => new Response(endless()), { signal: leaving.signal })
  leaving.abort()
  await assertUnlocked(cookie)
})

test('a client that leaves a handler that never answers gives the lock back', async () => {
  const cookie = await begunSession()
  const leaving = new AbortController()
  let hasBegun = (): void => undefined
  const begun = new Promise<void>((resolve) => {
    hasBegun = resolve
  })
  const never = (): Promise<Response> => {
    hasBegun()
    return new Promise(() => undefined)
  }
  void visit(cookie, never, { signal: leaving.signal })
  await begun
  leaving.abort()
  await assertUnlocked(cookie)
})

test('a handler that goes on without its client stores what it changes', async () => {
  const cookie = await begunSession()
  const leaving = new AbortController()
  const late = await visit(
    cookie,
    async (session) => {
      leaving.abort()
      await assertUnlocked(cookie)
      session.set('n', 7)
      return new Response('nobody reads this')
    },
    { signal: leaving.signal },
  )
  assert.equal(late.status, 200)
  await visit(cookie, (session) => {
    assert.equal(session.get('n'), 7)
    return new Response()
  })
})
