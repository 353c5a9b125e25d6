/**
 * What the REST refuses, in words. Its bodies have the original's many shapes: errors by field, a
 * list of sentences, a sentence, or a code in JSON. Pure.
 */

const CODES: Record<string, string> = {
  mismatch: 'The list of nodes has changed in the meantime. Look again and repeat.',
  empty_known_nodes: 'The list of nodes is missing.',
  unknownNodes: 'A node is no longer a member. Look again and repeat.',
}
const STATUSES: Record<number, string> = {
  401: 'User or password is wrong, or the login has ended.',
  403: 'This user may look at everything and change nothing.',
  404: 'It does not exist, or no longer.',
  429: 'Too many wrong logins from this address: wait a little and try again.',
  503: 'The cluster cannot do this at the moment: no leader, or no majority of its members.',
}

export class RestError extends Error {
  readonly code = 'HOLDFAST_REST'
  /** 0 when nothing has answered. */
  readonly status: number
  /** Messages by field. */
  readonly fields: Readonly<Record<string, string>>
  /** The whole body: some refusals carry figures. */
  readonly body: unknown

  constructor(status: number, body: unknown, options?: ErrorOptions) {
    const fields = fieldsOf(body)
    super(messageOf(status, body, fields), options)
    this.status = status
    this.fields = fields
    this.body = body
  }

  /** Whatever was thrown, as an error that can be shown. */
  static of(cause: unknown): RestError {
    if (cause instanceof RestError) return cause
    return new RestError(0, 'The node does not answer.', { cause })
  }
}

function fieldsOf(body: unknown): Record<string, string> {
  if (!isRecord(body)) return {}
  if (isRecord(body.errors)) return texts(body.errors)
  const { message, error, ...named } = body
  const fields = texts(named)
  return Object.keys(fields).some((name) => name in CODES) ? {} : fields
}

function messageOf(status: number, body: unknown, fields: Record<string, string>): string {
  const [first] = Object.values(fields)
  if (first !== undefined) return first
  if (Array.isArray(body)) return body.filter((one) => typeof one === 'string').join(' ')
  if (typeof body === 'string' && body.trim() !== '') return body.trim().replace(/^"(.*)"$/, '$1')
  if (isRecord(body)) {
    for (const key of ['message', 'error', '_']) {
      if (typeof body[key] === 'string') return body[key]
    }
    for (const [code, text] of Object.entries(CODES)) if (code in body) return text
  }
  return STATUSES[status] ?? `The node has answered ${status}.`
}

function texts(record: Record<string, unknown>): Record<string, string> {
  const found: Record<string, string> = {}
  for (const [name, value] of Object.entries(record)) {
    if (typeof value === 'string' && name !== '_') found[name] = value
  }
  return found
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
