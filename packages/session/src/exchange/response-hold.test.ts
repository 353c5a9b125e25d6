import assert from 'node:assert/strict'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { describe, type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { type HoldQuestions, holdResponse } from './response-hold.ts'

const HOLD_MS = 30

interface Held {
  url: string
  /** What happened, in order. */
  events: string[]
}

/** A server whose responses are held for HOLD_MS, and get a header right before their head. */
async function startHeld(
  t: TestContext,
  answer: (request: IncomingMessage, response: ServerResponse, events: string[]) => void,
  questions: Partial<HoldQuestions> = {},
): Promise<Held> {
  const events: string[] = []
  const server = createServer((incoming, response) => {
    holdResponse(response, {
      beforeHead: async () => {
        events.push('store')
        await delay(HOLD_MS)
        events.push('stored')
      },
      beforeEnd: () => undefined,
      prepareHead: () => {
        events.push('head')
        response.appendHeader('Set-Cookie', 'sid=1')
      },
      failure: () => {
        response.statusCode = 503
        response.end('replaced')
      },
      onError: (error) => events.push(`error ${error instanceof Error ? error.message : ''}`),
      ...questions,
    })
    answer(incoming, response, events)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.close()
    server.closeAllConnections()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, events }
}

const ORDER = ['store', 'stored', 'head']

describe('each way to answer is held until the session is stored', () => {
  const ways: [string, (response: ServerResponse) => void][] = [
    ['end', (response) => response.end('hello')],
    ['end with an encoding and a callback', (response) => response.end('hello', 'utf8', () => {})],
    [
      'write, then end',
      (response) => {
        response.write('he')
        response.end('llo')
      },
    ],
    ['writeHead, then end', (response) => response.writeHead(200, { 'x-a': '1' }).end('hello')],
    [
      'flushHeaders',
      (response) => {
        response.flushHeaders()
        response.end('hello')
      },
    ],
    ['a pipe', (response) => Readable.from(['he', 'l', 'lo']).pipe(response)],
  ]
  for (const [name, answer] of ways) {
    test(name, async (t) => {
      const held = await startHeld(t, (_request, response) => answer(response))
      const response = await fetch(held.url)
      assert.equal(response.status, 200)
      assert.equal(await response.text(), 'hello')
      assert.equal(response.headers.get('set-cookie'), 'sid=1')
      assert.deepEqual(held.events, ORDER)
    })
  }
})

test('writeHead keeps its status, its message and its headers of every form', async (t) => {
  const held = await startHeld(t, (_request, response) => {
    response.setHeader('x-before', 'kept')
    response.setHeader('x-both', 'lost')
    response.writeHead(201, 'Made', ['x-both', 'won', 'x-list', '1', 'X-List', '2'])
    response.end()
  })
  const response = await fetch(held.url)
  assert.equal(response.status, 201)
  assert.equal(response.statusText, 'Made')
  assert.equal(response.headers.get('x-before'), 'kept')
  assert.equal(response.headers.get('x-both'), 'won')
  assert.equal(response.headers.get('x-list'), '1, 2')
})

test('HEAD and 304 have no body and the right head', async (t) => {
  const held = await startHeld(t, (incoming, response) => {
    if (incoming.method === 'GET') response.statusCode = 304
    else response.setHeader('content-length', 5)
    response.end('hello')
  })
  const head = await fetch(held.url, { method: 'HEAD' })
  assert.equal(head.headers.get('content-length'), '5')
  assert.equal(await head.text(), '')
  const notModified = await fetch(held.url)
  assert.equal(notModified.status, 304)
  assert.equal(await notModified.text(), '')
})

test('a held response behaves as if it had been sent', async (t) => {
  const seen: unknown[] = []
  const held = await startHeld(t, (_request, response) => {
    response.end('hello')
    seen.push(response.headersSent, response.writableEnded)
    for (const late of [
      () => response.setHeader('x-late', '1'),
      () => response.removeHeader('x-late'),
      () => response.writeHead(500),
    ]) {
      try {
        late()
      } catch (error) {
        seen.push(error instanceof Error && 'code' in error ? error.code : error)
      }
    }
    response.statusCode = 500
    response.end('again', () => seen.push('second end'))
  })
  const response = await fetch(held.url)
  assert.equal(response.status, 200)
  assert.equal(await response.text(), 'hello')
  assert.deepEqual(seen.slice(0, 5), [
    true,
    true,
    'ERR_HTTP_HEADERS_SENT',
    'ERR_HTTP_HEADERS_SENT',
    'ERR_HTTP_HEADERS_SENT',
  ])
  assert.equal(seen[5], 'second end')
})

test('what Node refuses is refused at once, and the response can still be sent', async (t) => {
  const held = await startHeld(t, (_request, response) => {
    assert.throws(() => response.writeHead(99), { code: 'ERR_HTTP_INVALID_STATUS_CODE' })
    assert.throws(() => Reflect.apply(response.write, response, [5]), TypeError)
    assert.throws(() => Reflect.apply(response.end, response, [{}]), TypeError)
    response.end('hello')
  })
  assert.equal(await (await fetch(held.url)).text(), 'hello')
})

test('a large pipe waits for drain while it is held, and arrives whole', async (t) => {
  const bytes = 3_000_000
  let heldWrites = 0
  const held = await startHeld(t, (_request, response, events) => {
    const chunks = Readable.from(
      (function* () {
        for (let sent = 0; sent < bytes; sent += 10_000) {
          if (!events.includes('stored')) heldWrites += 1
          yield Buffer.alloc(10_000, 120)
        }
      })(),
      { highWaterMark: 1 },
    )
    chunks.pipe(response)
  })
  assert.equal((await (await fetch(held.url)).text()).length, bytes)
  assert.ok(heldWrites < 10, `${heldWrites} chunks were read while the response was held`)
})

test('what is stored late is stored before the end', async (t) => {
  const held = await startHeld(
    t,
    (_request, response, events) => {
      response.write('he')
      response.end('llo', () => events.push('ended'))
    },
    {
      beforeEnd: async () => {
        held.events.push('store late')
        await delay(HOLD_MS)
        held.events.push('stored late')
      },
    },
  )
  assert.equal(await (await fetch(held.url)).text(), 'hello')
  assert.deepEqual(held.events.slice(0, 5), [...ORDER, 'store late', 'stored late'])
})

test('a failure replaces the whole response, whatever the application still sends', async (t) => {
  const held = await startHeld(
    t,
    (_request, response) => {
      response.writeHead(200, { 'x-secret': '1', 'content-length': '5' })
      response.write('he')
      setTimeout(() => response.end('llo'), HOLD_MS * 3)
    },
    { beforeHead: () => delay(HOLD_MS).then(() => Promise.reject(new Error('refused'))) },
  )
  const response = await fetch(held.url)
  assert.equal(response.status, 503)
  assert.equal(response.headers.get('x-secret'), null)
  assert.equal(await response.text(), 'replaced')
  await delay(HOLD_MS * 4)
  assert.equal((await fetch(held.url)).status, 503)
})

test('an application that had ended may answer the failure later, and end twice', async (t) => {
  const held = await startHeld(
    t,
    (_request, response) => {
      response.setHeader('x-secret', '1')
      response.end('hello')
    },
    { beforeHead: () => delay(HOLD_MS).then(() => Promise.reject(new Error('refused'))) },
  )
  const later = await startHeld(
    t,
    (_request, response, events) => {
      response.end('hello')
      void delay(HOLD_MS * 2).then(() => {
        response.writeHead(500, { 'x-answer': 'late' })
        response.write('so')
        response.end('rry')
        response.end('again')
        events.push('answered')
      })
    },
    {
      beforeHead: () => Promise.reject(new Error('refused')),
      failure: (_error, ended) => assert.equal(ended, true),
    },
  )
  assert.equal(await (await fetch(held.url)).text(), 'replaced')
  const response = await fetch(later.url)
  assert.equal(response.status, 500)
  assert.equal(response.headers.get('x-answer'), 'late')
  assert.equal(await response.text(), 'sorry')
  assert.deepEqual(later.events, ['answered'])
})

test('two holds on one response both wait and both prepare the head', async (t) => {
  const held = await startHeld(t, (_request, response, events) => {
    holdResponse(response, {
      beforeHead: async () => {
        await delay(HOLD_MS)
        events.push('second stored')
      },
      beforeEnd: () => undefined,
      prepareHead: () => response.setHeader('x-second', '1'),
      failure: () => response.destroy(),
      onError: () => response.destroy(),
    })
    response.write('he')
    response.end('llo')
  })
  const response = await fetch(held.url)
  assert.equal(await response.text(), 'hello')
  assert.equal(response.headers.get('x-second'), '1')
  assert.equal(response.headers.get('set-cookie'), 'sid=1')
  assert.deepEqual(held.events, ['second stored', ...ORDER])
})

test('with nothing to wait for the response goes straight through', async (t) => {
  const held = await startHeld(
    t,
    (_request, response) => {
      response.write('he')
      assert.equal(response.headersSent, true)
      assert.ok(response.socket !== null)
      response.end('llo')
    },
    { beforeHead: () => undefined },
  )
  const response = await fetch(held.url)
  assert.equal(await response.text(), 'hello')
  assert.equal(response.headers.get('set-cookie'), 'sid=1')
})

test('a client that leaves while its response is held does no harm', async (t) => {
  const begun = Promise.withResolvers<void>()
  const done = Promise.withResolvers<void>()
  const held = await startHeld(t, (_request, response) => {
    response.on('close', () => setTimeout(done.resolve, HOLD_MS * 2))
    response.write('he')
    response.end('llo')
    begun.resolve()
  })
  const socket = connect(Number(new URL(held.url).port), '127.0.0.1')
  socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n')
  await begun.promise
  socket.destroy()
  await done.promise
  assert.equal(await (await fetch(held.url)).text(), 'hello')
})

test('pipelined and kept-alive requests stay in order', async (t) => {
  const held = await startHeld(t, (incoming, response) => response.end(incoming.url))
  const socket = connect(Number(new URL(held.url).port), '127.0.0.1')
  t.after(() => socket.destroy())
  socket.write('GET /one HTTP/1.1\r\nhost: x\r\n\r\nGET /two HTTP/1.1\r\nhost: x\r\n\r\n')
  let text = ''
  while (!text.includes('/two')) text += (await once(socket, 'data')).toString()
  assert.ok(text.indexOf('/one') < text.indexOf('/two'))
})

test('a file served by Express is held like the rest', async (t) => {
  const { default: express } = await import('express')
  const { mkdtemp, rm } = await import('node:fs/promises')
  const { tmpdir } = await import('node:os')
  const directory = await mkdtemp(join(tmpdir(), 'hold-'))
  t.after(() => rm(directory, { recursive: true }))
  const file = join(directory, 'page.txt')
  await writeFile(file, 'x'.repeat(200_000))
  const app = express()
  app.get('/', (_req, res) => res.sendFile(file))
  app.get('/throws', () => {
    throw new Error('handler failed')
  })
  app.use((_error: Error, _req: unknown, res: ServerResponse, _next: () => void) => {
    res.statusCode = 500
    res.end('sorry')
  })
  const held = await startHeld(t, (incoming, response) => {
    app(Object.assign(incoming), Object.assign(response))
  })
  const whole = await fetch(held.url)
  assert.equal((await whole.text()).length, 200_000)
  assert.deepEqual(held.events, ORDER)
  const part = await fetch(held.url, { headers: { range: 'bytes=0-9' } })
  assert.equal(part.status, 206)
  assert.equal(await part.text(), 'x'.repeat(10))
  const etag = whole.headers.get('etag') ?? ''
  // fetch would send cache-control: no-cache beside the condition.
  const conditional = request(held.url, { headers: { 'if-none-match': etag } }).end()
  const [answer] = (await once(conditional, 'response')) as [IncomingMessage]
  answer.resume()
  assert.equal(answer.statusCode, 304)
  const thrown = await fetch(`${held.url}throws`)
  assert.equal(thrown.status, 500)
  assert.equal(await thrown.text(), 'sorry')
})
