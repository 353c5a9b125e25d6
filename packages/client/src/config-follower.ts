/**
 * Follows a bucket's config over a list of URLs, for ever: GET, read configs until the stream ends
 * or falls silent, go to the next URL; after a pass over the list without a config, wait a second.
 *
 * Up to two URLs are followed at a time, from different places in the list, so that a new config
 * arrives at once although one of the servers has just vanished without a word. Configs carry a
 * revision, so whoever receives them can tell which is newer. The last good config stays in use
 * whatever happens here.
 */
import http from 'node:http'
import {
  type BucketConfig,
  ConfigError,
  ConfigStreamParser,
  parseBucketConfig,
} from '@holdfast/topology'
import type { ClientLog } from './shard.ts'

/** A stream without a byte for this long is dead; the store sends a blank every second. */
export const STREAM_SILENT_MS = 3000
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
  onConfig: (config: BucketConfig, url: string) => void
  log?: ClientLog
}

export class ConfigFollower {
  readonly #options: ConfigFollowerOptions
  readonly #log: ClientLog
  readonly #walks: UrlWalk[] = []
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
    try {
      const config = parseBucketConfig(json)
      this.counters.received++
      this.#options.onConfig(config, url)
      return true
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error
      this.counters.refused++
      this.#log('warn', `bad JSON configuration from ${redacted(url)}: ${error.message}`, {})
      return false
    }
  }

  streamEnded(url: string, reason: string, hadConfig: boolean): void {
    this.#log(hadConfig ? 'info' : 'warn', 'config stream ended', { url: redacted(url), reason })
  }
}

/** One reader that walks along the URL list. */
class UrlWalk {
  place: number
  readonly #follower: ConfigFollower
  #request: http.ClientRequest | undefined = undefined
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
      }
    }
    const request = http.get(url, {
      agent: false,
      headers: { 'X-Holdfast-Proxy': version, Accept: 'application/json' },
      ...(credentials && { auth: `${credentials.username}:${credentials.password}` }),
    })
    this.#request = request
    request.setTimeout(STREAM_SILENT_MS, () => end(`no byte for ${STREAM_SILENT_MS} ms`))
    request.on('error', (error) => end(error.message))
    request.on('close', () => end('closed'))
    request.on('response', (response) => {
      if (response.statusCode !== 200) {
        end(`HTTP ${response.statusCode}`)
        return
      }
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

/** A URL without the credentials that it may hold. */
export function redacted(url: string): string {
  return url.replace(/\/\/[^@/]*@/, '//')
}
