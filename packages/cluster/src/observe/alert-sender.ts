/**
 * Tells people of alerts by mail and by a POST to an address of theirs. One alert after the
 * other, each with a deadline and a bounded number of tries; what cannot be delivered is logged
 * and dropped.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { AlertSettings } from './alert-settings.ts'
import { sendMail } from './mail.ts'
import type { Alert } from './member-figures.ts'

const WEBHOOK_TIMEOUT_MS = 5000
export const TRIES_MAX = 3
const RETRY_MS = 1000
/** Alerts that wait to be sent; of more the oldest are dropped. */
const WAITING_MAX = 100

/** The body of a POST. */
export interface WebhookBody extends Alert {
  /** The node that has raised it, and its cluster. */
  node: string
  cluster: string
}

export class AlertSender {
  readonly #settings: () => AlertSettings
  readonly #log: Logger
  readonly #retryMs: number
  readonly #closing = new AbortController()
  #waiting: WebhookBody[] = []
  #sending: Promise<void> | null = null

  constructor(options: { settings: () => AlertSettings; log: Logger; retryMs?: number }) {
    this.#settings = options.settings
    this.#log = options.log
    this.#retryMs = options.retryMs ?? RETRY_MS
  }

  send(body: WebhookBody): void {
    const { alerts, enabled, webhookUrl } = this.#settings()
    if (!alerts.includes(body.key) || (!enabled && webhookUrl === '')) return
    this.#waiting.push(body)
    if (this.#waiting.length > WAITING_MAX) this.#waiting.shift()
    this.#sending ??= this.#sendAll()
  }

  /** Resolves when nothing is under way; what waits is dropped. */
  async close(): Promise<void> {
    this.#waiting = []
    this.#closing.abort()
    await this.#sending
  }

  async #sendAll(): Promise<void> {
    for (let body = this.#waiting.shift(); body; body = this.#waiting.shift()) {
      const settings = this.#settings()
      const alert = body
      await Promise.all([
        settings.webhookUrl === ''
          ? null
          : this.#deliver('webhook', alert.key, () => this.#post(settings.webhookUrl, alert)),
        settings.enabled
          ? this.#deliver('mail', alert.key, () => sendMail(settings, mailOf(alert)))
          : null,
      ])
    }
    this.#sending = null
  }

  async #deliver(way: string, key: string, attempt: () => Promise<void>): Promise<void> {
    for (let tries = 1; tries <= TRIES_MAX && !this.#closing.signal.aborted; tries++) {
      try {
        await attempt()
        return
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error)
        this.#log.warn({ way, key, tries, reason }, 'alert cannot be delivered')
      }
      if (tries === TRIES_MAX) return
      const pauseMs = this.#retryMs * 2 ** (tries - 1) * (1 + Math.random())
      await delay(pauseMs, undefined, { signal: this.#closing.signal }).catch(() => {})
    }
  }

  async #post(url: string, body: WebhookBody): Promise<void> {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
      redirect: 'error',
      signal: AbortSignal.any([AbortSignal.timeout(WEBHOOK_TIMEOUT_MS), this.#closing.signal]),
    })
    await response.body?.cancel()
    if (!response.ok) throw new Error(`answered ${response.status}`)
  }
}

/** The mail of an alert, with the original's subject. */
function mailOf({ key, text, node, cluster, sinceMs }: WebhookBody) {
  const since = new Date(sinceMs).toISOString()
  return {
    subject: `Membase alert: ${key}`,
    text: `${text}\n\nnode ${node}, cluster ${cluster}, since ${since}\n`,
  }
}
