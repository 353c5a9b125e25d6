/**
 * One source of bucket configs: a URL list that is followed, and the copy on disk that is used when
 * none of its servers answers in time. Knows which bucket uuids the servers stand for, so that a
 * cluster made anew is told from a server that fell behind.
 */
import { type ClientLog, ConfigFollower, redacted, type StreamEnd } from '@holdfast/client'
import type { BucketConfig } from '@holdfast/topology'
import { SavedConfig } from './source-state.ts'
import { VERSION } from './version.ts'

/** How long the servers have before the copy on disk is used. */
const SAVED_AFTER_MS = 1000
/** Stands in the `server` header of Holdfast's stores. */
const HOLDFAST = '(Holdfast)'

/** What a source is opened with. */
export interface ConfigSourceOptions {
  urls: readonly string[]
  credentials: { username: string; password: string } | undefined
  stateFolder: string | undefined
  log: ClientLog
  onConfigs: (configs: readonly BucketConfig[], unusable: readonly string[], url: string) => void
  /** Every server refused the credentials, and there was never a config. */
  onUnauthorized: () => void
  /** Something that reports tell has changed. */
  onNews?: (() => void) | undefined
}

export class ConfigSource {
  readonly #options: ConfigSourceOptions
  readonly #follower: ConfigFollower
  readonly #saved: SavedConfig | undefined
  readonly #uuids: Map<string, ReadonlyMap<string, string | null>> = new Map()
  readonly #refusing: Set<string> = new Set()
  /** URLs of Holdfast's stores, of those whose streams are open. */
  readonly #holdfast: Set<string> = new Set()
  #savedTimer: NodeJS.Timeout | undefined = undefined
  #hadConfig = false

  constructor(options: ConfigSourceOptions) {
    this.#options = options
    const { urls, credentials, stateFolder, log } = options
    this.#saved =
      stateFolder === undefined
        ? undefined
        : new SavedConfig(stateFolder, urls, (error) => {
            log('warn', 'cannot keep the bucket config on disk', { error: String(error) })
          })
    this.#follower = new ConfigFollower({
      urls,
      credentials,
      version: VERSION,
      log,
      onConfigs: (configs, unusable, url) => this.#take(configs, unusable, url),
      onText: (json, url) => {
        if (url !== '') this.#saved?.keep(json)
      },
      onStreamStart: (url, server) => {
        if (server.includes(HOLDFAST)) this.#holdfast.add(url)
      },
      onStreamEnd: (url, reason) => this.#streamEnded(url, reason),
    })
  }

  get counters(): { received: number; refused: number } {
    return this.#follower.counters
  }

  /** The URL of a Holdfast store whose stream is open and was the longest; without credentials. */
  get followed(): string | undefined {
    for (const url of this.#uuids.keys()) if (this.#holdfast.has(url)) return redacted(url)
    return undefined
  }

  start(): void {
    this.#follower.start()
    const json = this.#saved?.load()
    if (json === undefined) return
    this.#savedTimer = setTimeout(() => {
      if (this.#hadConfig) return
      this.#options.log('warn', 'no config server answers: the last config kept is used', {
        urls: this.#options.urls.map(redacted).join(),
      })
      this.#follower.take(json, '')
    }, SAVED_AFTER_MS)
  }

  stop(): void {
    clearTimeout(this.#savedTimer)
    this.#follower.stop()
  }

  /** Whether a server other than `url` has just this bucket. */
  confirmsElsewhere(name: string, uuid: string, url: string): boolean {
    for (const [other, uuids] of this.#uuids) {
      if (other !== url && uuids.get(name) === uuid) return true
    }
    return false
  }

  #take(configs: readonly BucketConfig[], unusable: readonly string[], url: string): void {
    this.#hadConfig = true
    if (url !== '') {
      this.#uuids.set(url, new Map(configs.map(({ name, uuid }) => [name, uuid])))
      this.#refusing.delete(url)
    }
    this.#options.onConfigs(configs, unusable, url)
    this.#options.onNews?.()
  }

  #streamEnded(url: string, reason: StreamEnd): void {
    this.#uuids.delete(url)
    this.#holdfast.delete(url)
    if (reason !== 'unauthorized') {
      this.#refusing.delete(url)
      return
    }
    this.#refusing.add(url)
    this.#options.log('warn', 'ERROR: Authentication failure', { url: redacted(url) })
    const urls = new Set(this.#options.urls)
    if (!this.#hadConfig && this.#refusing.size === urls.size) this.#options.onUnauthorized()
  }
}
