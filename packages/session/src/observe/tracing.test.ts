import assert from 'node:assert/strict'
import { after, afterEach, before, describe, test } from 'node:test'
import { MemcachedProcess } from '@holdfast/client/testing'
import { context, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base'
import { Browser, startSite, type TestSite } from '../test-support/test-site.ts'

const exporter = new InMemorySpanExporter()
const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] })

/** The spans since the last call, and nothing in them that tells who it was. */
function taken(...ids: string[]): ReadableSpan[] {
  const spans = exporter.getFinishedSpans()
  const attributes = JSON.stringify(spans.map((span) => [span.name, span.attributes, span.status]))
  for (const id of ids) assert.equal(attributes.includes(id.slice(0, 32)), false)
  exporter.reset()
  return spans
}

describe('with the provider of the installed API', () => {
  let store: MemcachedProcess
  before(async () => {
    context.setGlobalContextManager(new AsyncLocalStorageContextManager())
    trace.setGlobalTracerProvider(provider)
    store = await MemcachedProcess.start()
  })
  afterEach(() => exporter.reset())
  after(async () => {
    trace.disable()
    context.disable()
    await store.kill()
  })

  test('loading and saving are spans below that of the request', async () => {
    const site = await startSite({ memcachedNodes: `n1:${store.address}`, sticky: false })
    try {
      const browser = new Browser()
      await browser.get(`${site.url}/set?user=ann`)
      const [saved] = taken(browser.sessionId)
      assert.equal(saved?.name, 'session save')
      assert.equal(saved?.kind, SpanKind.CLIENT)
      const [host, port] = store.address.split(':')
      const { 'holdfast.session.id_hash': hash, ...attributes } = saved?.attributes ?? {}
      assert.match(String(hash), /^[0-9a-f]{16}$/)
      assert.deepEqual(attributes, {
        'db.system.name': 'memcached',
        'db.operation.name': 'set',
        'server.address': host,
        'server.port': Number(port),
        'holdfast.session.result': 'written',
      })
      await browser.get(`${site.url}/read`)
      const [loaded] = taken(browser.sessionId)
      assert.equal(loaded?.name, 'session load')
      assert.equal(loaded?.attributes['holdfast.session.id_hash'], hash)
      assert.equal(loaded?.attributes['holdfast.session.result'], 'hit_remote')
      const { sessionManager } = site.sessions
      const cookie = decodeURIComponent(browser.cookies.get('connect.sid') ?? '')
      const parent = trace.getTracer('test').startSpan('request')
      await context.with(trace.setSpan(context.active(), parent), async () => {
        await sessionManager.load([cookie])
      })
      const [child] = taken()
      assert.equal(child?.parentSpanContext?.spanId, parent.spanContext().spanId)
    } finally {
      await site.close()
    }
  })

  test('waiting for a lock is a span', async () => {
    const options = { memcachedNodes: store.address, sticky: false, lockingMode: 'all' }
    const site = await startSite(options)
    try {
      const browser = new Browser()
      await browser.get(`${site.url}/set?user=ann`)
      taken(browser.sessionId)
      await browser.get(`${site.url}/read`)
      const names = taken(browser.sessionId).map((span) => span.name)
      assert.deepEqual(names.sort(), ['session load', 'session lock'])
    } finally {
      await site.close()
    }
  })

  test('a session in local memory makes no span', async () => {
    const site = await startSite({ memcachedNodes: store.address, sessionBackupAsync: false })
    try {
      const browser = new Browser()
      await browser.get(`${site.url}/set?user=ann`)
      taken(browser.sessionId)
      await browser.get(`${site.url}/read`)
      assert.deepEqual(taken(), [])
    } finally {
      await site.close()
    }
  })

  test('a failure is told by its code', async () => {
    const gone = await MemcachedProcess.start()
    const options = { memcachedNodes: gone.address, sticky: false, operationTimeout: 100 }
    const site = await startSite(options)
    try {
      const browser = new Browser()
      await browser.get(`${site.url}/set?user=ann`)
      taken(browser.sessionId)
      await gone.kill()
      assert.equal((await browser.get(`${site.url}/read`)).status, 503)
      const [failed] = taken(browser.sessionId)
      assert.equal(failed?.status.code, SpanStatusCode.ERROR)
      assert.equal(failed?.attributes['error.type'], 'HOLDFAST_STORE_UNAVAILABLE')
    } finally {
      await site.close()
    }
  })

  test('tracing: false makes no span, a tracer is used as it is', async () => {
    const node = { memcachedNodes: store.address }
    const sites: TestSite[] = []
    try {
      const silent = await startSite({ ...node, tracing: false })
      sites.push(silent)
      await new Browser().get(`${silent.url}/set?user=ann`)
      assert.deepEqual(taken(), [])
      const tracer = provider.getTracer('mine')
      const own = await startSite({ ...node, tracing: tracer, sessionBackupAsync: false })
      sites.push(own)
      await new Browser().get(`${own.url}/set?user=ann`)
      assert.equal(taken()[0]?.instrumentationScope.name, 'mine')
    } finally {
      for (const site of sites) await site.close()
    }
  })
})
