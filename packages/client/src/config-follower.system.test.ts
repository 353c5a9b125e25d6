import assert from 'node:assert/strict'
import { once } from 'node:events'
import http from 'node:http'
import { after, afterEach, describe, test } from 'node:test'
import { ConfigFollower, redacted } from './config-follower.ts'
import { until } from './testing/engines.ts'

type Answer = (request: http.IncomingMessage, response: http.ServerResponse) => void

const servers: http.Server[] = []

async function serve(answer: Answer): Promise<string> {
  const server = http.createServer(answer).listen(0, '127.0.0.1')
  servers.push(server)
  await once(server, 'listening')
  const address = server.address()
  assert.ok(typeof address === 'object' && address !== null)
  return `http://127.0.0.1:${address.port}/config`
}

function configText(rev: number): string {
  const shards = [{ vBuckets: [0, 1023], primary: '127.0.0.1:1', replicas: [] }]
  const auth = { username: 'u', password: 'p' }
  return JSON.stringify({
    name: 'default',
    bucketType: 'membase',
    nodeLocator: 'vbucket',
    nodes: [],
    vBucketServerMap: {
      hashAlgorithm: 'CRC',
      numReplicas: 0,
      serverList: ['127.0.0.1:11210'],
      vBucketMap: Array.from({ length: 1024 }, () => [0]),
    },
    holdfast: { rev, durability: 'none', degradedWrites: 'allow', shards, auth },
  })
}

describe('a config follower', () => {
  let follower: ConfigFollower | undefined
  const revs: number[] = []

  function follow(...urls: string[]): void {
    revs.length = 0
    follower = new ConfigFollower({
      urls,
      version: '1.2.3',
      onConfig: (config) => revs.push(config.holdfast?.rev ?? -1),
    })
    follower.start()
  }

  afterEach(() => follower?.stop())

  after(async () => {
    for (const server of servers) {
      server.closeAllConnections()
      server.close()
    }
  })

  test('reads configs as they come, however the stream is cut', async () => {
    const url = await serve((request, response) => {
      assert.equal(request.headers['x-holdfast-proxy'], '1.2.3')
      const text = ` ${configText(1)}\n\n\n\n \n ${configText(2)}\n\n\n\n`
      for (let at = 0; at < text.length; at += 997) response.write(text.slice(at, at + 997))
    })
    follow(url)
    await until('two configs', () => revs.length === 2)
    assert.deepEqual(revs, [1, 2])
  })

  test('goes to the next URL at 404, at a refused connection and at a stream that breaks', async () => {
    const missing = await serve((_request, response) => response.writeHead(404).end('no'))
    let broken = 0
    const breaking = await serve((_request, response) => {
      broken++
      response.write(`${configText(5)}\n\n\n\n`, () => response.destroy())
    })
    const good = await serve((_request, response) => response.write(`${configText(7)}\n\n\n\n`))
    follow('http://127.0.0.1:9/', missing, breaking, good)
    await until('the good one', () => revs.includes(7))
    assert.ok(broken <= 2, `asked the breaking server ${broken} times`)
  })

  test('leaves a stream that falls silent, within about a second', async () => {
    let silent = 0
    const url = await serve((_request, response) => {
      silent++
      response.write(`${configText(silent)}\n\n\n\n`)
    })
    const fromMs = performance.now()
    follow(url)
    await until('asked again', () => silent === 2)
    const tookMs = performance.now() - fromMs
    assert.ok(tookMs > 900 && tookMs < 5000, `took ${tookMs} ms`)
  })

  test('blanks, four a second, keep a stream', async () => {
    let asked = 0
    const url = await serve((_request, response) => {
      asked++
      response.write(`${configText(1)}\n\n\n\n`)
      const timer = setInterval(() => response.write(' '), 250)
      response.on('close', () => clearInterval(timer))
      setTimeout(() => response.write(`${configText(2)}\n\n\n\n`), 1800)
    })
    follow(url)
    await until('the second config', () => revs.length === 2)
    assert.equal(asked, 1)
  })

  test('text that is no config changes nothing and is counted', async () => {
    const url = await serve((_request, response) => {
      response.write(`{"no":\n\n\n\n{"buckets":[]}\n\n\n\n${configText(3)}\n\n\n\n`)
    })
    follow(url)
    await until('the good config', () => revs.length === 1)
    assert.deepEqual(follower?.counters, { received: 1, refused: 2 })
  })

  test('gives all buckets of a config, and names those that cannot be used', async () => {
    const good = configText(4)
    const bad = good
      .replace('default', 'warming')
      .replace(/"vBucketMap":\[.*?\]\]/, '"vBucketMap":[]')
    const url = await serve((_request, response) => {
      response.write(`{"buckets":[${bad},${good}]}\n\n\n\n`)
    })
    let names: string[] = []
    follower = new ConfigFollower({
      urls: [url],
      version: '1.2.3',
      onConfigs: (configs, unusable) => {
        names = [...configs.map(({ name }) => name), ...unusable.map((name) => `not ${name}`)]
      },
    })
    follower.start()
    await until('the config', () => names.length > 0)
    assert.deepEqual(names, ['default', 'not warming'])
  })

  test('tells refused credentials from other ends', async () => {
    const ends: string[] = []
    const refusing = await serve((_request, response) => response.writeHead(401).end())
    follower = new ConfigFollower({
      urls: [refusing, 'http://127.0.0.1:9/'],
      version: '1.2.3',
      onConfigs: () => {},
      onStreamEnd: (_url, reason) => ends.push(reason),
    })
    follower.start()
    await until('both have answered', () => new Set(ends).size === 2)
    assert.deepEqual([...new Set(ends)].sort(), ['other', 'unauthorized'])
  })

  test('a server that answers and closes is asked again, but not without pause', async () => {
    let asked = 0
    const closing: Answer = (_request, response) => {
      asked++
      response.end(`${configText(asked)}\n\n\n\n`)
    }
    const fromMs = performance.now()
    follow(await serve(closing), await serve(closing))
    await until('asked ten times', () => asked >= 10)
    const tookMs = performance.now() - fromMs
    assert.ok(tookMs > 300, `took ${tookMs} ms`)
  })
})

test('credentials are cut out of a URL before it is shown', () => {
  assert.equal(redacted('http://u:p@h:1/x'), 'http://h:1/x')
  assert.equal(redacted('http://h:1/x@y'), 'http://h:1/x@y')
})
