/**
 * Answers of REST paths that somebody watches. Each is asked for once for all who see it alike (the
 * same role, by the same address of this node), and told when it is another than the last time.
 * When to look is said by who owns this: event-streams.ts.
 */
import type { LoginRole } from './login-token.ts'

/** Different answers that are watched at most; each costs a request a second. */
export const WATCHED_MAX = 256

/** Who sees an answer; all who are equal here see the same. */
export interface Viewer {
  role: LoginRole
  localAddress: string | undefined
}

/** What a path has answered; `body` is JSON. */
export interface PathAnswer {
  status: number
  body: string
}

export type AskPath = (path: string, viewer: Viewer) => Promise<PathAnswer>

/** Told what an answer is, as JSON text `{path, status, body}`. */
export type AnswerListener = (text: string) => void

interface Watched {
  path: string
  viewer: Viewer
  listeners: Set<AnswerListener>
  /** The last answer; empty before the first. */
  text: string
  asking: boolean
  /** Something has changed since it was asked. */
  again: boolean
}

export class WatchedAnswers {
  readonly #ask: AskPath
  readonly #watched = new Map<string, Watched>()

  constructor(ask: AskPath) {
    this.#ask = ask
  }

  /** Answers that are watched. */
  get size(): number {
    return this.#watched.size
  }

  /**
   * Tells the answer of a path at once, and then each other one that a look finds. Returns what
   * ends it; null when too many answers are watched already.
   */
  watch(path: string, viewer: Viewer, listener: AnswerListener): (() => void) | null {
    const key = [viewer.role, viewer.localAddress, path].join('\n')
    let watched = this.#watched.get(key)
    if (!watched) {
      if (this.#watched.size >= WATCHED_MAX) return null
      watched = { path, viewer, listeners: new Set(), text: '', asking: false, again: false }
      this.#watched.set(key, watched)
    }
    const { listeners } = watched
    listeners.add(listener)
    if (watched.text === '') void this.#look(watched)
    else listener(watched.text)
    return () => {
      listeners.delete(listener)
      if (listeners.size === 0) this.#watched.delete(key)
    }
  }

  /** Asks every path that is watched, unless its last answer is still awaited: then once more. */
  look(): void {
    for (const watched of this.#watched.values()) void this.#look(watched)
  }

  async #look(watched: Watched): Promise<void> {
    watched.again = watched.asking
    if (watched.asking) return
    watched.asking = true
    try {
      do {
        watched.again = false
        const { status, body } = await this.#answerOf(watched)
        const text = `{"path":${JSON.stringify(watched.path)},"status":${status},"body":${body}}`
        if (text === watched.text) continue
        watched.text = text
        for (const listener of watched.listeners) listener(text)
      } while (watched.again && watched.listeners.size > 0)
    } finally {
      watched.asking = false
    }
  }

  async #answerOf({ path, viewer }: Watched): Promise<PathAnswer> {
    try {
      return await this.#ask(path, viewer)
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      return { status: 500, body: JSON.stringify([reason]) }
    }
  }
}
