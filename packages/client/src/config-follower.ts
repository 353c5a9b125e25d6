/**
 * Follows a bucket's config over a list of URLs, for ever: GET, read configs until the stream ends
 * or falls silent, go to the next URL; after a pass over the list without a config, wait a second.
 *
 * Up to two URLs are followed at a time, from different places in the list, so that a new config
 * arrives at once although one of the servers has just vanished without a word. Configs carry a
 * revision, so whoever receives them can tell which is newer. The last good config stays in use
 * whatever happens here.
 *
 * A Holdfast store sends a blank four times a second, so its silence is noticed at once. Membase
 * and Couchbase say nothing while nothing changes: their streams are asked for anew now and then.
 */
import type { ClientRequest } from 'node:http'
import https from 'node:https'
import {
  type BucketConfig,
  ConfigError,
  ConfigStreamParser,
  parseBucketConfigs,
} from '@holdfast/topology'
import { http } from './node-http.ts'
import type { ClientLog } from './shard.ts'

/** A stream without a byte for this long is dead; the store sends a blank four times a second. */
export const STREAM_SILENT_MS = 1000
/** The same for servers that keep no stream alive. */
export const QUIET_STREAM_SILENT_MS = 30_000
/** Pause after a pass over all URLs that gave no config. */
const PASS_PAUSE_MS = 1000
const STREAMS_MAX = 2

/** What a follower is made with. */
export interface ConfigFollowerOptions {
  urls: readonly string[]
  /** HTTP Basic credentials for the config servers. */
  credentials?: { username: string; password: string } | undefined
  /** Sent as `X-Holdfast-Proxy`. */
  version: string
  /** The first bucket of each config. */
  onConfig?: (config: BucketConfig, url: string) => void
  /** All buckets of each config, with the names of those that cannot be used: keep their last. */
  onConfigs?: (configs: readonly BucketConfig[], unusable: readonly string[], url: string) => void
  /** What the server sent, once it was found good. */
  onText?: (json: string, url: string) => void
  /** A stream is open; `server` is the header of that name. */
  onStreamStart?: (url: string, server: string) => void
  onStreamEnd?: (url: string, reason: StreamEnd) => void
  log?: ClientLog
}

/** Why a stream ended: the credentials were refused, there is no such bucket, or anything else. */
export type StreamEnd = 'unauthorized' | 'not-found' | 'other'

export class ConfigFollower {
  readonly #options: ConfigFollowerOptions
  readonly #log: ClientLog
  readonly #walks: UrlWalk[] = []
  /** Whether the servers send blanks while nothing changes, as far as is known. */
  #keepsAlive = true
  /** Configs received and refused, for metrics. */
  readonly counters: { received: number; refused: number } = { received: 0, refused: 0 }

  constructor(options: ConfigFollowerOptions) {
    this.#options = options
    this.#log = options.log ?? (() => {})
    const walks = Math.min(STREAMS_MAX, options.urls.length)
    for (let i = 0; i < walks; i++) this.#walks.push(new UrlWalk(this, i))
  }

  get options(): ConfigFollowerOptions {
    return this.#options
  }

  /** The URL at or after `from` in the list that no other walk reads. */
  nextFree(from: number, walk: UrlWalk): number {
    const { urls } = this.#options
    for (let i = 0; i < urls.length; i++) {
      const candidate = (from + i) % urls.length
      if (!this.#walks.some((other) => other !== walk && other.place === candidate)) {
        return candidate
      }
    }
    return from % urls.length
  }

  start(): void {
    for (const walk of this.#walks) walk.start()
  }

  stop(): void {
    for (const walk of this.#walks) walk.stop()
  }

  /** Reads one config text; a bad one is reported and changes nothing. */
  take(json: string, url: string): boolean {
    const unusable: string[] = []
    try {
      const configs = parseBucketConfigs(json, {
        host: hostOf(url),
        onUnusable: (name, error) => {
          unusable.push(name)
          this.#log('warn', `bad JSON configuration from ${redacted(url)}: ${error.message}`, {
            bucket: name,
          })
        },
      })
      const { onConfig, onConfigs, onText } = this.#options
      const [first] = configs
      if (onConfigs === undefined && first === undefined) {
        throw new ConfigError('No buckets available')
      }
      this.counters.received++
      this.counters.refused += unusable.length
      onConfigs?.(configs, unusable, url)
      if (first !== undefined) onConfig?.(first, url)
      onText?.(json, url)
      this.#keepsAlive = configs.some((config) => config.holdfast !== null)
      return true
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error
      this.counters.refused++
      this.#log('warn', `bad JSON configuration from ${redacted(url)}: ${error.message}`, {})
      return false
    }
  }

  /** How long a stream may be silent. */
  get silentMs(): number {
    return this.#keepsAlive ? STREAM_SILENT_MS : QUIET_STREAM_SILENT_MS
  }

  streamStarted(url: string, server: string): void {
    this.#options.onStreamStart?.(url, server)
  }

  streamEnded(url: string, reason: string, hadConfig: boolean): void {
    this.#log(hadConfig ? 'info' : 'warn', 'config stream ended', { url: redacted(url), reason })
    let end: StreamEnd = 'other'
    if (reason === 'HTTP 401') end = 'unauthorized'
    else if (reason === 'HTTP 404') end = 'not-found'
    this.#options.onStreamEnd?.(url, end)
  }
}

/** One reader that walks along the URL list. */
class UrlWalk {
  place: number
  readonly #follower: ConfigFollower
  #request: ClientRequest | undefined = undefined
  #timer: NodeJS.Timeout | undefined = undefined
  #failures = 0
  #startedMs = 0
  #stopped = false

  constructor(follower: ConfigFollower, place: number) {
    this.#follower = follower
    this.place = place
  }

  start(): void {
    const { urls, credentials, version } = this.#follower.options
    const url = urls[this.place] ?? ''
    const parser = new ConfigStreamParser()
    this.#startedMs = performance.now()
    let hadConfig = false
    let ended = false
    const end = (reason: string): void => {
      if (ended || this.#stopped) return
      ended = true
      request.destroy()
      this.#follower.streamEnded(url, reason, hadConfig)
      this.#goOn(hadConfig)
    }
    const take = (json: string): void => {
      if (ended || this.#stopped) return
      if (this.#follower.take(json, url)) {
        hadConfig = true
        this.#failures = 0
        request.setTimeout(this.#follower.silentMs)
      }
    }
    const request = (url.startsWith('https:') ? https : http).get(url, {
      agent: false,
      headers: { 'X-Holdfast-Proxy': version, Accept: 'application/json' },
      ...(credentials && { auth: `${credentials.username}:${credentials.password}` }),
    })
    this.#request = request
    request.setTimeout(STREAM_SILENT_MS, () => end(`no byte for ${this.#follower.silentMs} ms`))
    request.on('error', (error) => end(error.message))
    request.on('close', () => end('closed'))
    request.on('response', (response) => {
      if (response.statusCode !== 200) {
        end(`HTTP ${response.statusCode}`)
        return
      }
      this.#follower.streamStarted(url, String(response.headers.server ?? ''))
      response.on('error', (error) => end(error.message))
      response.on('data', (chunk: Buffer) => {
        try {
          parser.push(chunk, take)
        } catch (error) {
          if (!(error instanceof ConfigError)) throw error
          end(error.message)
        }
      })
      response.on('end', () => {
        const rest = parser.takeRest()
        if (rest !== '') take(rest)
        end('the server ended the stream')
      })
    })
  }

  stop(): void {
    this.#stopped = true
    clearTimeout(this.#timer)
    this.#request?.destroy()
  }

  /** To the next URL: at once while there are untried ones, else after the pause. */
  #goOn(hadConfig: boolean): void {
    const { urls } = this.#follower.options
    if (!hadConfig) this.#failures++
    this.place = this.#follower.nextFree(this.place + 1, this)
    const passDone = this.#failures >= urls.length
    if (passDone) this.#failures = 0
    // A server that answers and closes again and again must not be asked without pause either.
    const briefly = hadConfig && performance.now() - this.#startedMs < PASS_PAUSE_MS
    let waitMs = 0
    if (passDone) waitMs = PASS_PAUSE_MS * (0.75 + Math.random() / 2)
    else if (briefly || urls.length === 1) waitMs = RETURN_MS
    this.#timer = setTimeout(() => this.start(), waitMs)
  }
}

/** Pause before the only server, or one that closed at once, is asked again. */
const RETURN_MS = 100

function hostOf(url: string): string {
  return (URL.parse(url)?.hostname ?? 'localhost').replace(/^\[|\]$/g, '')
}

/** A URL without the credentials that it may hold. */
export function redacted(url: string): string {
  return url.replace(/\/\/[^@/]*@/, '//')
}
