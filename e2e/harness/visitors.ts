// People with browsers: each keeps its cookie and asks the balancer again and again to increment
// the counter in its session. Every acknowledged count is remembered, so that a lost increment, an
// answer that counts from an older state, is seen; so is every request that was not answered well.
import { Agent, type IncomingMessage, request } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'

const REQUEST_TIMEOUT_MS = 20_000

export interface Answer {
  readonly count: number
  readonly app: string
  readonly id: string
}

export interface FailedRequest {
  readonly visitor: number
  readonly reason: string
  readonly tookMs: number
}

export interface LostIncrements {
  readonly visitor: number
  readonly acknowledged: number
  readonly counted: number
  readonly app: string
  readonly id: string
  readonly at: string
}

export class Visitor {
  readonly number: number
  readonly #agent: Agent
  /** The last count that an app server has acknowledged. */
  acknowledged = 0
  answers = 0
  slowestMs = 0
  app = ''
  readonly failed: FailedRequest[] = []
  readonly lost: LostIncrements[] = []
  #cookie = ''

  constructor(number: number, agent: Agent) {
    this.number = number
    this.#agent = agent
  }

  /** One increment. */
  async count(port: number): Promise<void> {
    const startedAtMs = performance.now()
    try {
      const { count, app, id } = await this.ask(port, 'POST', '/count')
      if (count <= this.acknowledged) {
        const { number: visitor, acknowledged } = this
        const at = new Date().toISOString()
        this.lost.push({ visitor, acknowledged, counted: count, app, id, at })
      }
      this.acknowledged = count
      this.app = app
      this.answers++
    } catch (error) {
      const tookMs = performance.now() - startedAtMs
      const reason = error instanceof Error ? error.message : String(error)
      this.failed.push({ visitor: this.number, reason, tookMs })
    }
    this.slowestMs = Math.max(this.slowestMs, performance.now() - startedAtMs)
  }

  /** One request with this visitor's cookie, to any port. */
  async ask(port: number, method: 'GET' | 'POST', path: string): Promise<Answer> {
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
    const headers = this.#cookie === '' ? {} : { cookie: this.#cookie }
    const sent = request({ host: '127.0.0.1', port, method, path, headers, agent: this.#agent })
    sent.setTimeout(REQUEST_TIMEOUT_MS, () => sent.destroy(new Error('request timed out')))
    sent.on('response', resolve).on('error', reject).end()
    const response = await promise
    const body = await textOf(response)
    if (response.statusCode !== 200) throw new Error(`status ${response.statusCode}: ${body}`)
    for (const cookie of response.headers['set-cookie'] ?? []) {
      this.#cookie = cookie.split(';', 1)[0] ?? ''
    }
    return JSON.parse(body) as Answer
  }
}

export class Visitors {
  readonly all: readonly Visitor[]
  readonly #agent: Agent
  readonly #port: number
  readonly #pauseMs: number
  #running: Promise<unknown> = Promise.resolve()
  #goOn = false

  /** `pauseMs` is the mean time a visitor reads a page before the next click. */
  constructor(port: number, visitors: number, pauseMs = 750) {
    this.#port = port
    this.#pauseMs = pauseMs
    this.#agent = new Agent({ keepAlive: true, maxSockets: visitors })
    this.all = Array.from({ length: visitors }, (_, index) => new Visitor(index + 1, this.#agent))
  }

  get failed(): readonly FailedRequest[] {
    return this.all.flatMap(({ failed }) => failed)
  }

  get lost(): readonly LostIncrements[] {
    return this.all.flatMap(({ lost }) => lost)
  }

  /** How many acknowledged increments are missing in what was counted later. */
  get lostIncrements(): number {
    return this.lost.reduce((sum, { acknowledged, counted }) => sum + acknowledged + 1 - counted, 0)
  }

  get answers(): number {
    return this.all.reduce((sum, visitor) => sum + visitor.answers, 0)
  }

  get slowestMs(): number {
    return Math.round(Math.max(...this.all.map((visitor) => visitor.slowestMs)))
  }

  /** The fewest answers that any visitor has got. */
  get fewestAnswers(): number {
    return Math.min(...this.all.map(({ answers }) => answers))
  }

  start(): void {
    this.#goOn = true
    this.#running = Promise.all(this.all.map((visitor) => this.#stroll(visitor)))
  }

  /** Resolves when the last request under way has been answered. */
  async stop(): Promise<void> {
    this.#goOn = false
    await this.#running
  }

  close(): void {
    this.#agent.destroy()
  }

  /** The visitors whose session at `port` does not hold what was last acknowledged to them. */
  async wrongCountsAt(port: (visitor: Visitor) => number): Promise<string[]> {
    const wrong: string[] = []
    for (const visitor of this.all) {
      const { count } = await visitor.ask(port(visitor), 'GET', '/session')
      if (count !== visitor.acknowledged) {
        wrong.push(`visitor ${visitor.number}: ${count}, acknowledged ${visitor.acknowledged}`)
      }
    }
    return wrong
  }

  async #stroll(visitor: Visitor): Promise<void> {
    await delay(Math.random() * this.#pauseMs)
    while (this.#goOn) {
      await visitor.count(this.#port)
      await delay(this.#pauseMs * (0.5 + Math.random()))
    }
  }
}

async function textOf(response: IncomingMessage): Promise<string> {
  let text = ''
  response.setEncoding('utf8')
  for await (const chunk of response) text += String(chunk)
  return text
}
