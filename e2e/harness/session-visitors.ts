// Visitors that use their sessions hard: they count, write several attributes at once from parallel
// requests, read everything back, and log out while a slow request still writes. What an app server
// acknowledged must be there later; what was ended must stay ended.
import { Agent, type IncomingMessage, request } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'

const REQUEST_TIMEOUT_MS = 20_000
const PARALLEL_WRITES = 4
const ROUNDS_OF_A_SESSION = 6
const SLOW_WRITE_MS = 60

/** What went wrong, and how much went right. */
export interface SessionFigures {
  answered: number
  failed: string[]
  /** Acknowledged writes that a later read did not see. */
  lost: string[]
  /** Sessions that were gone although nobody ended them. */
  loggedOut: string[]
  /** Ended sessions that were seen with their content again. */
  resurrected: string[]
  slowestMs: number
}

interface Answer {
  readonly attributes: Readonly<Record<string, number>>
  readonly app: string
}

export class SessionVisitors {
  readonly figures: SessionFigures = {
    answered: 0,
    failed: [],
    lost: [],
    loggedOut: [],
    resurrected: [],
    slowestMs: 0,
  }
  readonly #agent: Agent
  readonly #visitors: readonly SessionVisitor[]
  #goOn = false
  #running: Promise<unknown> = Promise.resolve()

  constructor(port: number, count: number) {
    this.#agent = new Agent({ keepAlive: true, maxSockets: count * PARALLEL_WRITES })
    this.#visitors = Array.from(
      { length: count },
      () => new SessionVisitor(port, this.#agent, this.figures),
    )
  }

  /** The fewest rounds that any visitor has finished. */
  get fewestRounds(): number {
    return Math.min(...this.#visitors.map(({ rounds }) => rounds))
  }

  start(): void {
    this.#goOn = true
    const stroll = async (visitor: SessionVisitor): Promise<void> => {
      while (this.#goOn) {
        await visitor.round()
        await delay(20 + Math.random() * 60)
      }
    }
    this.#running = Promise.all(this.#visitors.map(stroll))
  }

  /** Resolves when the last request under way has been answered. */
  async stop(): Promise<void> {
    this.#goOn = false
    await this.#running
  }

  /** Reads every session at other app servers as well: what is only in one's memory is not safe. */
  async readEverywhere(ports: readonly number[]): Promise<void> {
    for (const visitor of this.#visitors) {
      for (const port of ports) await visitor.read(port)
    }
  }

  close(): void {
    this.#agent.destroy()
  }
}

class SessionVisitor {
  readonly #port: number
  readonly #agent: Agent
  readonly #figures: SessionFigures
  /** The least value of each attribute that was acknowledged; values only grow. */
  readonly #acknowledged: Map<string, number> = new Map()
  #cookie = ''
  rounds = 0

  constructor(port: number, agent: Agent, figures: SessionFigures) {
    this.#port = port
    this.#agent = agent
    this.#figures = figures
  }

  async round(): Promise<void> {
    await this.#count()
    const value = this.rounds + 1
    const names = Array.from({ length: PARALLEL_WRITES }, (_, index) => `a${index}`)
    // Parallel requests belong to a session that exists.
    if (this.#cookie !== '') {
      await Promise.all(names.map((name) => this.#put(name, value)))
      await this.read(this.#port)
    }
    this.rounds++
    if (this.rounds % ROUNDS_OF_A_SESSION === 0) await this.#logOut()
  }

  /** Everything that was acknowledged must be there. */
  async read(port: number): Promise<void> {
    const answer = await this.#ask(port, 'GET', '/session')
    if (answer === undefined || this.#acknowledged.size === 0) return
    if (Object.keys(answer.attributes).length === 0) {
      this.#figures.loggedOut.push(`read at ${answer.app}`)
      this.#acknowledged.clear()
      return
    }
    this.#check(answer)
  }

  async #count(): Promise<void> {
    const before = this.#acknowledged.get('count') ?? 0
    const answer = await this.#ask(this.#port, 'POST', '/count')
    const count = answer?.attributes.count
    if (answer === undefined || count === undefined) return
    if (before > 0 && count === 1) {
      this.#figures.loggedOut.push(`counted 1 after ${before} at ${answer.app}`)
      this.#acknowledged.clear()
    } else if (count <= before) {
      this.#figures.lost.push(`count ${count} after ${before} at ${answer.app}`)
    }
    this.#acknowledged.set('count', count)
  }

  async #put(name: string, value: number): Promise<void> {
    const answer = await this.#ask(this.#port, 'POST', `/put?name=${name}&value=${value}`)
    if (answer !== undefined) this.#acknowledged.set(name, value)
  }

  #check(answer: Answer): void {
    for (const [name, least] of this.#acknowledged) {
      const value = answer.attributes[name] ?? 0
      if (value >= least) continue
      this.#figures.lost.push(`${name} ${value} after ${least} at ${answer.app}`)
      this.#acknowledged.set(name, value)
    }
  }

  /** Ends the session while a slow request of its own still writes. */
  async #logOut(): Promise<void> {
    const cookie = this.#cookie
    const slow = this.#ask(this.#port, 'POST', `/put?name=late&value=1&ms=${SLOW_WRITE_MS}`)
    await delay(SLOW_WRITE_MS / 3)
    const done = await this.#ask(this.#port, 'POST', '/logout')
    await slow
    this.#cookie = cookie
    this.#acknowledged.clear()
    if (done !== undefined) {
      const answer = await this.#ask(this.#port, 'GET', '/session')
      const left = Object.keys(answer?.attributes ?? {})
      if (left.length > 0) this.#figures.resurrected.push(`${left.join()} at ${answer?.app}`)
    }
    this.#cookie = ''
  }

  /** Undefined when it failed, which is noted. */
  async #ask(port: number, method: string, path: string): Promise<Answer | undefined> {
    const startedMs = performance.now()
    try {
      const response = await this.#send(port, method, path)
      let body = ''
      response.setEncoding('utf8')
      for await (const chunk of response) body += String(chunk)
      if (response.statusCode !== 200) throw new Error(`status ${response.statusCode}: ${body}`)
      for (const line of response.headers['set-cookie'] ?? []) {
        this.#cookie = line.split(';', 1)[0] ?? ''
      }
      this.#figures.answered++
      return JSON.parse(body) as Answer
    } catch (error) {
      this.#figures.failed.push(error instanceof Error ? error.message : String(error))
      return undefined
    } finally {
      this.#figures.slowestMs = Math.max(this.#figures.slowestMs, performance.now() - startedMs)
    }
  }

  #send(port: number, method: string, path: string): Promise<IncomingMessage> {
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
    const headers = this.#cookie === '' ? {} : { cookie: this.#cookie }
    const sent = request({ host: '127.0.0.1', port, method, path, headers, agent: this.#agent })
    sent.setTimeout(REQUEST_TIMEOUT_MS, () => sent.destroy(new Error('request timed out')))
    sent.on('response', resolve).on('error', reject).end()
    return promise
  }
}
