/*
 * Spans of OpenTelemetry for what waits for the store: loading, saving, locking.
 *
 * `@opentelemetry/api` is an optional peer: it is looked for once, and where it is missing or
 * `tracing: false` is set there is no tracer at all. A session that is served from local memory
 * makes no span. Attributes follow the semantic conventions for databases; a session id is never
 * among them, only a hash of its random part.
 */
import { createHash } from 'node:crypto'
import { createRequire } from 'node:module'

/** What is used of a span of OpenTelemetry. */
export interface SessionSpan {
  isRecording(): boolean
  setAttributes(attributes: Record<string, string | number | boolean>): unknown
  setStatus(status: { code: number; message?: string }): unknown
  end(): void
}

/** What is used of a tracer of OpenTelemetry. */
export interface SessionTracer {
  startSpan(
    name: string,
    options?: { kind?: number; attributes?: Record<string, string | number | boolean> },
  ): SessionSpan
}

export const TRACER_NAME = '@holdfast/session'
/** SpanKind.CLIENT and SpanStatusCode.ERROR of OpenTelemetry. */
const KIND_CLIENT = 2
const STATUS_ERROR = 2
const HASH_CHARS = 16

/** What a span does, and the memcached operation it is made of. */
export const SPANS = {
  load: { name: 'session load', operation: 'get' },
  save: { name: 'session save', operation: 'set' },
  lock: { name: 'session lock', operation: 'add' },
} as const

let installed: SessionTracer | null | undefined

/** The tracer of the installed OpenTelemetry API, or undefined. */
export function installedTracer(): SessionTracer | undefined {
  if (installed === undefined) installed = findTracer() ?? null
  return installed ?? undefined
}

function findTracer(): SessionTracer | undefined {
  try {
    const api = createRequire(import.meta.url)('@opentelemetry/api') as {
      trace: { getTracer(name: string): SessionTracer }
    }
    return api.trace.getTracer(TRACER_NAME)
  } catch {
    return undefined
  }
}

/** What a span is about. */
export interface SpanSubject {
  /** The random part of the session id. */
  sid: string
  /** `host:port` of the store node, where there is one. */
  address: string | undefined
}

export function startSpan(
  tracer: SessionTracer,
  kind: keyof typeof SPANS,
  subject: SpanSubject,
): SessionSpan {
  const { name, operation } = SPANS[kind]
  const span = tracer.startSpan(name, {
    kind: KIND_CLIENT,
    attributes: { 'db.system.name': 'memcached', 'db.operation.name': operation },
  })
  if (!span.isRecording()) return span
  span.setAttributes({ 'holdfast.session.id_hash': hashOfSid(subject.sid) })
  const colon = subject.address?.lastIndexOf(':') ?? -1
  if (subject.address !== undefined && colon > 0) {
    span.setAttributes({
      'server.address': subject.address.slice(0, colon),
      'server.port': Number(subject.address.slice(colon + 1)),
    })
  }
  return span
}

export function endSpan(span: SessionSpan, result: string): void {
  span.setAttributes({ 'holdfast.session.result': result })
  span.end()
}

/** The message of the error stays out: it may quote the application's own data. */
export function failSpan(span: SessionSpan, error: unknown): void {
  span.setAttributes({ 'error.type': errorType(error), 'holdfast.session.result': 'error' })
  span.setStatus({ code: STATUS_ERROR })
  span.end()
}

/** Tells sessions apart without telling who they are; stays when a session moves. */
export function hashOfSid(sid: string): string {
  return createHash('sha256').update(sid).digest('hex').slice(0, HASH_CHARS)
}

export function errorType(error: unknown): string {
  if (!(error instanceof Error)) return '_OTHER'
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name
}
