import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type LockOptions, parseLockOptions } from '../lock-options.ts'
import type { RequestFacts } from '../session-manager.ts'
import { KIND_LENGTH_MAX, LEARNT_LIFE_MS } from './learnt-requests.ts'
import { LockPolicy } from './lock-policy.ts'

const NOW_MS = 1_000_000

function policy(options: LockOptions): LockPolicy {
  return new LockPolicy(parseLockOptions(new Map(Object.entries(options))))
}

function request(method: string, url: string): RequestFacts {
  return { method, url, raw: { url } }
}

function ruleOf(subject: LockPolicy, method: string, url: string, nowMs = NOW_MS): string {
  return subject.ruleFor(request(method, url), nowMs).rule
}

test('none locks no request and all locks each', () => {
  assert.equal(ruleOf(policy({}), 'POST', '/a'), 'free')
  assert.equal(ruleOf(policy({ lockingMode: 'all' }), 'GET', '/a'), 'lock')
  assert.equal(policy({ lockingMode: 'all' }).ruleFor(undefined, NOW_MS).rule, 'lock')
  const endless = { ...request('POST', '/a'), mayLock: false }
  assert.equal(policy({ lockingMode: 'all' }).ruleFor(endless, NOW_MS).rule, 'free')
})

test('a uriPattern matches METHOD URI?query as in the original, without the query for POST', () => {
  const subject = policy({ lockingMode: 'uriPattern:GET /a\\?x=1|POST /b|.*\\.do' })
  assert.equal(ruleOf(subject, 'GET', '/a?x=1'), 'lock')
  assert.equal(ruleOf(subject, 'GET', '/a?x=2'), 'free')
  assert.equal(ruleOf(subject, 'POST', '/b?x=2'), 'lock')
  assert.equal(ruleOf(subject, 'GET', '/b'), 'free')
  assert.equal(ruleOf(subject, 'PUT', '/deep/c.do'), 'lock')
  assert.equal(subject.ruleFor(undefined, NOW_MS).rule, 'free')
})

test('a uriPattern of paths, as the original’s documentation has it, matches the paths', () => {
  const subject = policy({ lockingMode: 'uriPattern:/path1|/path2' })
  assert.equal(ruleOf(subject, 'GET', '/path1'), 'lock')
  assert.equal(ruleOf(subject, 'POST', '/path2?x=1'), 'lock')
  assert.equal(ruleOf(subject, 'GET', '/path1/more'), 'free')
})

test('auto locks a kind until it ended unmodified, and again for good when it modifies', () => {
  const subject = policy({ lockingMode: 'auto' })
  assert.deepEqual(subject.ruleFor(request('GET', '/a?x=1'), NOW_MS), {
    rule: 'lock',
    kind: 'GET /a',
  })
  subject.learn('GET /a', false, NOW_MS)
  assert.equal(ruleOf(subject, 'GET', '/a?x=2'), 'free')
  assert.equal(ruleOf(subject, 'POST', '/a'), 'lock')
  subject.learn('GET /a', true, NOW_MS)
  subject.learn('GET /a', false, NOW_MS)
  assert.equal(ruleOf(subject, 'GET', '/a'), 'lock')
})

test('auto forgets after six hours, be a kind in use or not', () => {
  const subject = policy({ lockingMode: 'auto' })
  subject.learn('GET /a', false, NOW_MS)
  subject.learn('GET /b', true, NOW_MS)
  const lateMs = NOW_MS + LEARNT_LIFE_MS
  assert.equal(ruleOf(subject, 'GET', '/a', lateMs - 1), 'free')
  subject.learn('GET /a', false, lateMs - 1)
  assert.equal(ruleOf(subject, 'GET', '/a', lateMs), 'lock')
  subject.learn('GET /b', false, lateMs)
  assert.equal(ruleOf(subject, 'GET', '/b', lateMs), 'free')
})

test('a path longer than the bound is never learnt', () => {
  const subject = policy({ lockingMode: 'auto' })
  const long = `/${'a'.repeat(KIND_LENGTH_MAX)}`
  subject.learn(`GET ${long}`, false, NOW_MS)
  assert.equal(ruleOf(subject, 'GET', long), 'lock')
})

test('requests are declared read-only by a pattern or by a function, in each mode', () => {
  for (const lockingMode of ['none', 'all', 'auto']) {
    const byPattern = policy({ lockingMode, readOnlyRequests: /GET .*|\/poll/ })
    assert.equal(ruleOf(byPattern, 'GET', '/a?x'), 'readOnly')
    assert.equal(ruleOf(byPattern, 'POST', '/poll'), 'readOnly')
    assert.notEqual(ruleOf(byPattern, 'POST', '/a'), 'readOnly')
  }
  const byFunction = policy({
    readOnlyRequests: (raw) => typeof raw === 'object' && raw !== null && 'url' in raw,
  })
  assert.equal(ruleOf(byFunction, 'POST', '/a'), 'readOnly')
})
