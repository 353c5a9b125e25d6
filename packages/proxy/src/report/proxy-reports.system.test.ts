/** Reports as a config server sees them: Holdfast's, one that refuses, and one that is another's. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, test } from 'node:test'
import { until, vBucketConfigJson } from '@holdfast/client/testing'
import { pino } from 'pino'
import { checkConfig } from '../config-schema.ts'
import { type RunningProxy, startConfiguredProxy, startProxy } from '../proxy.ts'

const WAIT_MS_MAX = 30_000
const END = '\n\n\n\n'

/** A server with the stream of the bucket `default`, of revisions that a test decides. */
class ConfigServer {
  readonly reports: { authorization: string; url: string; body: string }[] = []
  readonly #streams: http.ServerResponse[] = []
  readonly #server: http.Server
  #timer: NodeJS.Timeout | undefined = undefined

  constructor(name: string, status: number) {
    this.#server = http.createServer((request, response) => {
      response.setHeader('server', name)
      if (request.method === 'GET') {
        this.#streams.push(response)
        this.publish(1)
        return
      }
      let body = ''
      request.on('data', (chunk: Buffer) => {
        body += chunk.toString()
      })
      request.on('end', () => {
        const { authorization = '' } = request.headers
        this.reports.push({ authorization, url: request.url ?? '', body })
        response.writeHead(status).end()
      })
    })
  }

  async open(): Promise<string> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
    this.#timer = setInterval(() => {
      for (const stream of this.#streams) stream.write(' ')
    }, 250)
    const { port } = this.#server.address() as AddressInfo
    return `http://127.0.0.1:${port}/pools/default/bucketsStreaming/default`
  }

  publish(rev: number): void {
    const json = vBucketConfigJson({
      ...{ serverList: ['127.0.0.1:1'], actives: Array.from({ length: 1024 }, () => 0), rev },
    })
    for (const stream of this.#streams) stream.write(`${json}${END}`)
  }

  async close(): Promise<void> {
    clearInterval(this.#timer)
    this.#server.closeAllConnections()
    this.#server.close()
    await once(this.#server, 'close')
  }
}

const HOLDFAST = 'Membase Server 0.1.0 (Holdfast)'
const servers: ConfigServer[] = []
let proxy: RunningProxy | undefined

async function serverOf(name: string, status = 204): Promise<[server: ConfigServer, url: string]> {
  const server = new ConfigServer(name, status)
  servers.push(server)
  return [server, await server.open()]
}

async function follow(urls: string[]): Promise<void> {
  proxy = await startProxy({
    ...{ host: '127.0.0.1', port: 0, httpPort: 0, urls },
    credentials: { username: 'default', password: 'secret' },
    logger: pino({ level: 'silent' }),
  })
  await proxy.ready
}

afterEach(async () => {
  await proxy?.stop()
  await Promise.all(servers.splice(0).map((server) => server.close()))
})

test('the first map and each new one are reported, with the credentials of the stream', async () => {
  const [server, url] = await serverOf(HOLDFAST)
  await follow([url])
  const revs = (): number[] => server.reports.map(({ body }) => JSON.parse(body).buckets[0].rev)
  await until('the first map is reported', () => revs().includes(1), WAIT_MS_MAX)
  server.publish(2)
  await until('the next one is reported', () => revs().includes(2), WAIT_MS_MAX)
  const [first] = server.reports
  assert.equal(first?.url, '/pools/default/buckets/default/proxies')
  const basic = Buffer.from('default:secret').toString('base64')
  assert.equal(first.authorization, `Basic ${basic}`)
  assert.doesNotMatch(first.body, /secret/)
})

test('a server that is not Holdfast’s gets no report while another one does', async () => {
  const [other, otherUrl] = await serverOf('Couchbase Server')
  const [server, url] = await serverOf(HOLDFAST)
  await follow([otherUrl, url])
  await until('two reports came', () => server.reports.length >= 2, WAIT_MS_MAX)
  assert.equal(other.reports.length, 0)
})

test('a server that refuses is left alone while another one goes on being told', async () => {
  const [refusing, refusingUrl] = await serverOf(HOLDFAST, 404)
  const [server, url] = await serverOf(HOLDFAST)
  const { config } = checkConfig({
    listeners: [{ host: '127.0.0.1', port: 0 }],
    backends: { a: { type: 'store', urls: [refusingUrl] }, b: { type: 'store', urls: [url] } },
    buckets: { a: { use: 'a' }, b: { use: 'b' } },
    http: { port: 0 },
  })
  assert.ok(config)
  proxy = await startConfiguredProxy(config, pino({ level: 'silent' }))
  await until('it has refused', () => refusing.reports.length === 1, WAIT_MS_MAX)
  const told = server.reports.length
  await until('the other is told', () => server.reports.length >= told + 1, WAIT_MS_MAX)
  assert.equal(refusing.reports.length, 1)
})
