/**
 * Tells the stores whose config streams are followed that this proxy is there, by which map it
 * routes and what it does: a small POST every two seconds, and soon after a new map, to the node
 * at the other end of the stream. A report that fails is dropped, its counts with it; a node that
 * refuses them is left alone for a while. Nothing waits for a report, and none is sent to a store
 * that is not Holdfast's.
 */
import { randomUUID } from 'node:crypto'
import type { Agent } from 'node:http'
import https from 'node:https'
import { hostname } from 'node:os'
import { http, redacted } from '@holdfast/client'
import type { Logger } from 'pino'
import { credentialsOf } from '../opened-backend.ts'
import type { ProxyConfig } from '../proxy-config.ts'
import type { ProxySnapshot } from '../stats-snapshot.ts'
import { VERSION } from '../version.ts'
import { type DueReport, ReportCounts } from './report-counts.ts'

const REPORT_INTERVAL_MS = 2000
/** A new map is reported after this, together with those that follow at once. */
const NEWS_DELAY_MS = 100
/** Reports of news come at least so far apart. */
const NEWS_INTERVAL_MS = 500
const ANSWER_TIMEOUT_MS = 1500
/** A node that refuses a report gets none for so long. */
const REFUSED_PAUSE_MS = 10_000

/** What reports are made of. */
export interface ProxyReportsOptions {
  config: () => ProxyConfig
  /** One for each process that serves. */
  snapshots: () => Promise<readonly ProxySnapshot[]>
  logger: Logger
}

export class ProxyReports {
  readonly #options: ProxyReportsOptions
  readonly #counts: ReportCounts
  readonly #agents: { http: Agent; https: https.Agent } = {
    http: new http.Agent({ keepAlive: true, maxSockets: 1 }),
    https: new https.Agent({ keepAlive: true, maxSockets: 1 }),
  }
  /** By URL: when a node that refused a report is asked again. */
  readonly #refused: Map<string, number> = new Map()
  #timer: NodeJS.Timeout | undefined = undefined
  #news: NodeJS.Timeout | undefined = undefined
  #sentMs = 0
  #sending = false
  #stopped = false

  constructor(options: ProxyReportsOptions) {
    this.#options = options
    const identity = {
      id: randomUUID(),
      hostname: hostname(),
      pid: process.pid,
      version: VERSION,
    }
    this.#counts = new ReportCounts(identity, performance.now())
  }

  start(): void {
    this.#timer = setInterval(() => void this.#send(), REPORT_INTERVAL_MS)
  }

  stop(): void {
    this.#stopped = true
    clearInterval(this.#timer)
    clearTimeout(this.#news)
    this.#agents.http.destroy()
    this.#agents.https.destroy()
  }

  /** There is another map, or another stream. */
  wake(): void {
    if (this.#stopped || this.#news !== undefined) return
    const restMs = this.#sentMs + NEWS_INTERVAL_MS - performance.now()
    this.#news = setTimeout(
      () => {
        this.#news = undefined
        void this.#send()
      },
      Math.max(NEWS_DELAY_MS, restMs),
    )
  }

  async #send(): Promise<void> {
    if (this.#sending || this.#stopped || !hasSources(this.#options.config())) return
    this.#sending = true
    this.#sentMs = performance.now()
    try {
      const due = this.#counts.due(await this.#options.snapshots(), performance.now())
      await Promise.all(due.map((one) => this.#sendOne(one)))
    } catch (error) {
      this.#options.logger.debug({ error: String(error) }, 'no report to the store')
    } finally {
      this.#sending = false
    }
  }

  async #sendOne({ followed, report }: DueReport): Promise<void> {
    const target = targetOf(this.#options.config(), followed.url)
    const [bucket] = report.buckets
    if (this.#stopped || target === undefined || bucket === undefined) return
    if ((this.#refused.get(followed.url) ?? 0) > performance.now()) return
    this.#refused.delete(followed.url)
    const path = `/pools/default/buckets/${encodeURIComponent(bucket.name)}/proxies`
    try {
      const status = await this.#post(target, path, JSON.stringify(report))
      if (status < 400) return
      this.#refused.set(followed.url, performance.now() + REFUSED_PAUSE_MS)
      this.#options.logger.debug({ url: followed.url, status }, 'the store refuses a report')
    } catch (error) {
      const fields = { url: followed.url, error: String(error) }
      this.#options.logger.debug(fields, 'a report did not reach the store')
    }
  }

  #post({ url, auth }: ReportTarget, path: string, body: string): Promise<number> {
    const { promise, resolve, reject } = Promise.withResolvers<number>()
    const isSecure = url.protocol === 'https:'
    const request = (isSecure ? https : http).request(new URL(path, url), {
      method: 'POST',
      agent: isSecure ? this.#agents.https : this.#agents.http,
      headers: {
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(body),
        'X-Holdfast-Proxy': VERSION,
      },
      ...(auth && { auth }),
      signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
    })
    request.on('error', reject)
    request.on('response', (response) => {
      response.on('error', reject)
      response.on('end', () => resolve(response.statusCode ?? 0))
      response.resume()
    })
    request.end(body)
    return promise
  }
}

interface ReportTarget {
  url: URL
  auth: string | undefined
}

/** The node of a stream, with the credentials that open the stream. */
function targetOf(config: ProxyConfig, followed: string): ReportTarget | undefined {
  for (const source of sourcesOf(config)) {
    const text = source.urls.find((url) => redacted(url) === followed)
    const url = text === undefined ? null : URL.parse(text)
    if (url === null) continue
    const { username, password } = credentialsOf(source) ?? {
      username: decodeURIComponent(url.username),
      password: decodeURIComponent(url.password),
    }
    return { url, auth: username === '' ? undefined : `${username}:${password}` }
  }
  return undefined
}

function sourcesOf({ backends, gateways }: ProxyConfig) {
  const stores = Object.values(backends).filter((backend) => backend.type === 'store')
  return [...stores, ...gateways]
}

function hasSources(config: ProxyConfig): boolean {
  return sourcesOf(config).length > 0
}
