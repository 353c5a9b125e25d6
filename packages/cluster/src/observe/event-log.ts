/**
 * The events that this node has seen, as the original's log shows them: a bounded list, kept in a
 * file of JSON lines so that it outlives the node. What happened is in event-kinds.ts.
 */
import { appendFile, readFile, rename, writeFile } from 'node:fs/promises'
import type { Logger } from 'pino'
import { z } from 'zod'
import { EVENT_KINDS, type EventName, type EventWeight } from './event-kinds.ts'

/** Events kept. */
export const EVENTS_MAX = 1000
/** The file is written anew when it has grown by this many. */
const FILE_SURPLUS_MAX = 1000
/** Longest text of one event. */
const TEXT_LENGTH_MAX = 4000

/** One event, with the original's members. */
export interface LogEntry {
  node: string
  type: EventWeight
  code: number
  module: string
  tstamp: number
  shortText: string
  text: string
}

export const logEntrySchema: z.ZodType<LogEntry> = z.object({
  node: z.string(),
  type: z.enum(['info', 'warning', 'critical']),
  code: z.number().int(),
  module: z.string(),
  tstamp: z.number(),
  shortText: z.string(),
  text: z.string(),
})

export class EventLog {
  readonly #path: string
  readonly #log: Logger
  readonly #node: () => string
  #entries: LogEntry[] = []
  #linesInFile = 0
  #waiting: LogEntry[] = []
  #writing: Promise<void> | null = null

  constructor(options: { path: string; node: () => string; log: Logger }) {
    this.#path = options.path
    this.#node = options.node
    this.#log = options.log
  }

  /** Takes up what an earlier run has written; lines that cannot be read are passed over. */
  async open(): Promise<void> {
    const text = await readFile(this.#path, 'utf8').catch(() => '')
    const lines = text.split('\n').filter((line) => line !== '')
    this.#linesInFile = lines.length
    const read = lines.flatMap((line) => parseEntry(line) ?? [])
    this.#entries = [...read, ...this.#entries].slice(-EVENTS_MAX)
  }

  /** Oldest first. */
  get entries(): readonly LogEntry[] {
    return this.#entries
  }

  add(name: EventName, text: string): void {
    const { module, code, type, shortText } = EVENT_KINDS[name]
    const entry: LogEntry = {
      node: this.#node(),
      type,
      code,
      module,
      tstamp: Date.now(),
      shortText,
      text: text.slice(0, TEXT_LENGTH_MAX),
    }
    this.#entries.push(entry)
    if (this.#entries.length > EVENTS_MAX) this.#entries.shift()
    this.#waiting.push(entry)
    if (this.#waiting.length > EVENTS_MAX) this.#waiting.shift()
    this.#writing ??= this.#write()
  }

  /** Resolves when everything is in the file. */
  async close(): Promise<void> {
    await this.#writing
  }

  async #write(): Promise<void> {
    try {
      while (this.#waiting.length > 0) {
        const batch = this.#waiting
        this.#waiting = []
        if (this.#linesInFile + batch.length > EVENTS_MAX + FILE_SURPLUS_MAX) {
          await this.#writeAnew()
        } else {
          await appendFile(this.#path, linesOf(batch), { mode: 0o600 })
          this.#linesInFile += batch.length
        }
      }
    } catch (error) {
      this.#log.warn({ err: error }, 'cannot write the log of events')
    } finally {
      this.#writing = null
    }
  }

  async #writeAnew(): Promise<void> {
    const kept = [...this.#entries]
    await writeFile(`${this.#path}.tmp`, linesOf(kept), { mode: 0o600 })
    await rename(`${this.#path}.tmp`, this.#path)
    this.#linesInFile = kept.length
  }
}

/** Newest `limit` of several nodes' events since that time, oldest first. Pure. */
export function mergeEntries(
  lists: readonly (readonly LogEntry[])[],
  options: { sinceMs: number; limit: number },
): LogEntry[] {
  const all = lists.flat().filter((entry) => entry.tstamp >= options.sinceMs)
  all.sort((a, b) => a.tstamp - b.tstamp)
  return options.limit === 0 ? [] : all.slice(-options.limit)
}

function linesOf(entries: readonly LogEntry[]): string {
  return entries.map((entry) => `${JSON.stringify(entry)}\n`).join('')
}

function parseEntry(line: string): LogEntry | null {
  try {
    return logEntrySchema.parse(JSON.parse(line))
  } catch {
    return null
  }
}
