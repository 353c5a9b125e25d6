/**
 * What the page watches: one stream of events for all paths that are on show. A path is watched
 * while a component uses it; when that changes, the stream is opened anew with the new list.
 * Silence marks everything stale, and the stream is opened again with growing pauses. Where the
 * page goes when its node stays silent is decided in move.ts.
 */
import { type ReadonlySignal, type Signal, signal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { EventParser } from './event-parser.ts'
import { UI_HEADERS } from './request.ts'
import { RestError } from './rest-error.ts'
import { endLogin } from './who.ts'

/** The server promises a line every second. */
export const SILENCE_MS_MAX = 3000
const CHECK_INTERVAL_MS = 500
/** Several components that come and go in one turn make one new stream. */
const SETTLE_MS = 30
const PAUSE_MS_MIN = 500
const PAUSE_MS_MAX = 5000
/** As many as the server takes. */
const PATHS_MAX = 16
/** Answers kept of paths that nobody watches, so that a page that comes back has something. */
const KEPT_MAX = 48

/** The last answer of a path. */
export interface Watched<T> {
  /** Null until the first answer. */
  body: T | null
  /** Since when the node has not confirmed it; null while it does. */
  staleSince: number | null
  error: RestError | null
}

/** How the stream is. */
export interface Connection {
  state: 'idle' | 'connecting' | 'live' | 'silent'
  /** Unix time of the first silence. */
  since: number | null
  /** Streams that failed one after the other. */
  failures: number
}

interface Entry {
  signal: Signal<Watched<unknown>>
  users: number
}

interface WatchMessage {
  path: string
  status: number
  body: unknown
}

export const connection: Signal<Connection> = signal({ state: 'idle', since: null, failures: 0 })
const entries = new Map<string, Entry>()
let stream: AbortController | null = null
let streamPaths = ''
let lastHeardMs = 0
let settleTimer: ReturnType<typeof setTimeout> | undefined
let checkTimer: ReturnType<typeof setInterval> | undefined

/** The answer of a path, kept up to date while the component that calls this is on show. */
export function useWatch<T>(path: string | null): ReadonlySignal<Watched<T>> {
  useEffect(() => (path === null ? undefined : watch(path)), [path])
  // The answer of a path has the type that its contract in types.ts says.
  return entryOf(path ?? '').signal as ReadonlySignal<Watched<T>>
}

/** Watches a path until the function that it returns is called. */
export function watch(path: string): () => void {
  const entry = entryOf(path)
  entry.users++
  settle()
  return () => {
    entry.users--
    settle()
  }
}

/** The last answer of a path, without watching it. */
export function lastAnswer<T>(path: string): T | null {
  return (entries.get(path)?.signal.peek().body ?? null) as T | null
}

/** Ends the stream and forgets what was seen: after logging out. */
export function stopLive(): void {
  closeStream()
  for (const [path, { users }] of entries) if (users === 0) entries.delete(path)
  for (const { signal: answer } of entries.values()) {
    answer.value = { body: null, staleSince: null, error: null }
  }
}

function entryOf(path: string): Entry {
  let entry = entries.get(path)
  if (!entry) {
    forgetOldest()
    entry = { signal: signal({ body: null, staleSince: null, error: null }), users: 0 }
    entries.set(path, entry)
  }
  return entry
}

function forgetOldest(): void {
  if (entries.size < KEPT_MAX) return
  for (const [path, { users }] of entries) {
    if (users > 0) continue
    entries.delete(path)
    return
  }
}

function settle(): void {
  clearTimeout(settleTimer)
  settleTimer = setTimeout(() => {
    const paths = watchedPaths()
    if (paths.join('\n') === streamPaths && (stream || paths.length === 0)) return
    closeStream()
    if (paths.length > 0) void run(paths)
  }, SETTLE_MS)
}

function watchedPaths(): string[] {
  const paths = [...entries].flatMap(([path, { users }]) => (users > 0 && path ? [path] : []))
  return paths.slice(0, PATHS_MAX).sort()
}

function closeStream(): void {
  stream?.abort()
  stream = null
  streamPaths = ''
  clearInterval(checkTimer)
}

/** Keeps a stream of these paths open until it is replaced. */
async function run(paths: string[]): Promise<void> {
  const own = new AbortController()
  stream = own
  streamPaths = paths.join('\n')
  lastHeardMs = Date.now()
  checkTimer = setInterval(check, CHECK_INTERVAL_MS)
  if (connection.peek().state === 'idle') setConnection('connecting')
  let pauseMs = PAUSE_MS_MIN
  while (!own.signal.aborted) {
    const attempt = new AbortController()
    const abort = (): void => attempt.abort()
    own.signal.addEventListener('abort', abort, { once: true })
    silenceAbort = attempt
    const heard = await readStream(paths, attempt.signal)
    own.signal.removeEventListener('abort', abort)
    if (own.signal.aborted) return
    markSilent()
    pauseMs = heard ? PAUSE_MS_MIN : Math.min(pauseMs * 1.5, PAUSE_MS_MAX)
    await pause(pauseMs * (0.8 + Math.random() * 0.4))
  }
}

let silenceAbort: AbortController | null = null

/** Reads one stream to its end; true when it has said anything. */
async function readStream(paths: string[], ending: AbortSignal): Promise<boolean> {
  let heard = false
  try {
    const query = paths.map((path) => `watch=${encodeURIComponent(path)}`).join('&')
    const response = await fetch(`/events?${query}`, {
      headers: { ...UI_HEADERS, accept: 'text/event-stream' },
      signal: ending,
      cache: 'no-store',
    })
    if (response.status === 401) {
      endLogin('The login has ended. Log in again to go on where you were.')
      closeStream()
      return false
    }
    if (!response.ok || !response.body) {
      refuse(paths, response.status, await response.text())
      return false
    }
    const parser = new EventParser()
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader()
    for (;;) {
      const { done, value } = await reader.read()
      if (done || ending.aborted) return heard
      heard = true
      markHeard()
      for (const { event, data } of parser.push(value)) take(event, data)
    }
  } catch {
    return heard
  }
}

function refuse(paths: string[], status: number, text: string): void {
  for (const path of paths) {
    const { signal: answer } = entryOf(path)
    answer.value = { ...answer.peek(), error: new RestError(status, text) }
  }
}

function take(event: string, text: string): void {
  if (event === 'expired') {
    endLogin('The login has ended after a time without use. Log in to go on where you were.')
    closeStream()
    return
  }
  if (event !== 'watch') return
  const { path, status, body } = JSON.parse(text) as WatchMessage
  const entry = entries.get(path)
  if (!entry) return
  entry.signal.value =
    status === 200
      ? { body, staleSince: null, error: null }
      : { body: null, staleSince: null, error: new RestError(status, body) }
}

function check(): void {
  if (Date.now() - lastHeardMs <= SILENCE_MS_MAX) return
  markSilent()
  // A stream that says nothing may hang for ever: it is given up and tried anew.
  if (Date.now() - lastHeardMs > SILENCE_MS_MAX * 2) {
    lastHeardMs = Date.now()
    silenceAbort?.abort()
  }
}

function markHeard(): void {
  lastHeardMs = Date.now()
  if (connection.peek().state === 'live') return
  setConnection('live')
  for (const { signal: answer } of entries.values()) {
    if (answer.peek().staleSince !== null) answer.value = { ...answer.peek(), staleSince: null }
  }
}

function markSilent(): void {
  setConnection('silent')
  const { since } = connection.peek()
  for (const { signal: answer } of entries.values()) {
    if (answer.peek().staleSince === null) answer.value = { ...answer.peek(), staleSince: since }
  }
}

function setConnection(state: Connection['state']): void {
  const { since, failures } = connection.peek()
  connection.value =
    state === 'silent'
      ? { state, since: since ?? Date.now(), failures: failures + 1 }
      : { state, since: null, failures: 0 }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
