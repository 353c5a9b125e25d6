import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import fastify, { type FastifyInstance } from 'fastify'
import { documentOf } from '../test-support/fixtures.ts'
import { contentSecurityPolicy, serveConsole } from './console-files.ts'
import type { ViewSource } from './views.ts'

const PAGE = '<!doctype html><title>Holdfast</title>'
const SCRIPT = 'export const answer = 42\n'

let folder = ''
let app: FastifyInstance

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-console-'))
  await mkdir(join(folder, 'assets'))
  await writeFile(join(folder, 'index.html'), PAGE)
  await writeFile(join(folder, '.sources'), 'not for browsers')
  await writeFile(join(folder, 'assets', 'index-abc.js'), SCRIPT)
  await writeFile(join(folder, 'assets', 'index-abc.js.gz'), gzipSync(SCRIPT))
  app = fastify()
  await serveConsole(app, { folder, source })
})

after(async () => {
  await app.close()
  await rm(folder, { recursive: true, force: true })
})

function source(): ViewSource {
  return {
    document: documentOf(2),
    self: 1,
    version: '0.0.0',
    isLive: () => true,
    status: () => null,
    pictures: () => [],
    figures: (member) => (member === 2 ? FIGURES : null),
  }
}

const FIGURES = {
  ...{ clockMs: 0, uptimeSeconds: 1, dataBytes: 0, tlsPort: 18_091, alerts: [], cpuPercent: 0 },
  ...{ memoryTotalBytes: 0, memoryFreeBytes: 0, swapTotalBytes: 0, swapUsedBytes: 0 },
  disk: { path: '/', totalBytes: 0, usedBytes: 0, freeBytes: 0 },
}

test('the page is asked for anew each time, and may load nothing from elsewhere', async () => {
  const { statusCode, headers, body } = await app.inject('/ui/')
  assert.equal(statusCode, 200)
  assert.equal(body, PAGE)
  assert.match(String(headers['content-type']), /^text\/html/)
  assert.equal(headers['cache-control'], 'no-cache')
  assert.equal(headers['x-content-type-options'], 'nosniff')
  assert.equal(headers['referrer-policy'], 'no-referrer')
  assert.equal(headers['cross-origin-opener-policy'], 'same-origin')
  const policy = String(headers['content-security-policy'])
  assert.match(policy, /default-src 'none'/)
  assert.doesNotMatch(policy, /unsafe/)
})

test('a page may ask the members who is alive, over TLS too', () => {
  const connect = "connect-src 'self' http://host-1:8091 http://host-2:8091 https://host-2:18091;"
  assert.ok(contentSecurityPolicy(source()).includes(connect), contentSecurityPolicy(source()))
})

test('files whose names change with their content are kept for good', async () => {
  const { headers, body } = await app.inject('/ui/assets/index-abc.js')
  assert.equal(body, SCRIPT)
  assert.equal(headers['cache-control'], 'public, max-age=31536000, immutable')
  assert.match(String(headers['content-type']), /javascript/)
})

test('a file that was compressed when it was built goes out so', async () => {
  const answer = await app.inject({
    url: '/ui/assets/index-abc.js',
    headers: { 'accept-encoding': 'gzip' },
  })
  assert.equal(answer.headers['content-encoding'], 'gzip')
  assert.equal(answer.headers['cache-control'], 'public, max-age=31536000, immutable')
  assert.deepEqual(answer.rawPayload, gzipSync(SCRIPT))
})

test('nothing but the files of the console is there', async () => {
  const paths = ['nothing', '.sources', '%2e%2e/package.json', '../package.json', 'assets/']
  for (const path of paths) {
    const { statusCode } = await app.inject(`/ui/${path}`)
    assert.ok(statusCode === 404 || statusCode === 403, `${path}: ${statusCode}`)
  }
})

test('the path without its slash leads to the console', async () => {
  const { statusCode, headers } = await app.inject('/ui')
  assert.equal(statusCode, 301)
  assert.equal(headers.location, '/ui/')
})

test('a node without a console says so', async () => {
  for (const folderOfNone of [null, join(folder, 'nowhere')]) {
    const bare = fastify()
    await serveConsole(bare, { folder: folderOfNone, source })
    const { statusCode, body } = await bare.inject('/ui/')
    assert.equal(statusCode, 404)
    assert.match(body, /without a console/)
    await bare.close()
  }
})
