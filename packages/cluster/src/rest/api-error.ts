/** An error that a REST handler throws: status, and the body as Membase would write it. */
export class ApiError extends Error {
  readonly code = 'HOLDFAST_API'
  readonly status: number
  readonly body: unknown

  constructor(status: number, body: unknown, options?: ErrorOptions) {
    super(typeof body === 'string' ? body : JSON.stringify(body), options)
    this.status = status
    this.body = body
  }
}
