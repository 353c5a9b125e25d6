/*
 * Which requests lock their session, which are only to read it, and which go free.
 *
 * Pure but for what `auto` learns; the time is an argument.
 */
import type { LockSettings } from '../lock-options.ts'
import type { RequestFacts } from '../session-manager.ts'
import { LearntRequests } from './learnt-requests.ts'

export interface LockRule {
  rule: 'lock' | 'free' | 'readOnly'
  /** What the end of the request teaches something about; undefined: nothing is learnt. */
  kind: string | undefined
}

const LOCK: LockRule = { rule: 'lock', kind: undefined }
const FREE: LockRule = { rule: 'free', kind: undefined }
const READ_ONLY: LockRule = { rule: 'readOnly', kind: undefined }

export class LockPolicy {
  readonly #settings: LockSettings
  readonly #learnt = new LearntRequests()

  constructor(settings: LockSettings) {
    this.#settings = settings
  }

  /** Without a request (a job of the application, say) `all` and `auto` lock. */
  ruleFor(request: RequestFacts | undefined, nowMs: number): LockRule {
    const { lockingMode, lockPattern } = this.#settings
    if (request !== undefined && this.#isDeclaredReadOnly(request)) return READ_ONLY
    if (lockingMode === 'none' || request?.mayLock === false) return FREE
    if (lockingMode === 'all') return LOCK
    if (lockingMode === 'uriPattern') {
      const matches = request !== undefined && matchesRequest(lockPattern, request)
      return matches ? LOCK : FREE
    }
    if (request === undefined) return LOCK
    const kind = `${request.method} ${pathOf(request.url)}`
    return { rule: this.#learnt.isReadOnly(kind, nowMs) ? 'free' : 'lock', kind }
  }

  /** A request of this kind that had a stored session is over. */
  learn(kind: string, modified: boolean, nowMs: number): void {
    this.#learnt.learn(kind, modified, nowMs)
  }

  #isDeclaredReadOnly(request: RequestFacts): boolean {
    const { readOnlyRequests } = this.#settings
    if (readOnlyRequests === undefined) return false
    if (typeof readOnlyRequests === 'function') return readOnlyRequests(request.raw)
    return matchesRequest(readOnlyRequests, request)
  }
}

/**
 * The original matches `METHOD URI?query`, without the query for POST, so that its documented
 * `uriPattern:/path1|/path2` never matches; therefore the path alone counts as well.
 */
export function matchesRequest(pattern: RegExp | undefined, request: RequestFacts): boolean {
  if (pattern === undefined) return false
  const { method, url } = request
  const path = pathOf(url)
  return pattern.test(`${method} ${method === 'POST' ? path : url}`) || pattern.test(path)
}

function pathOf(url: string): string {
  const query = url.indexOf('?')
  return query === -1 ? url : url.slice(0, query)
}
