/**
 * A client for tests that knows what every reply has to be: it owns its keys, so a model of them
 * tells. Each round is one pipeline of random commands, some without reply, that follow one another
 * on the same keys: whatever is reordered, lost, doubled or answered wrongly shows.
 */
import assert from 'node:assert/strict'
import { setImmediate } from 'node:timers/promises'
import type { TextUpstream } from './text-upstream.ts'

const KEYS = 12

export class ModelClient {
  /** Commands with a reply so far. */
  commands = 0
  readonly #name: string
  readonly #upstream: TextUpstream
  readonly #model: Map<string, string> = new Map()
  #random: number

  constructor(name: string, seed: number, upstream: TextUpstream) {
    this.#name = name
    this.#random = seed
    this.#upstream = upstream
  }

  /** One pipeline, sent over several event-loop turns; asserts that the replies are right. */
  async round(commands = 20): Promise<void> {
    const from = this.#upstream.output.length
    let expected = ''
    for (let i = 0; i < commands; i++) {
      const [command, reply] = this.#next()
      this.#upstream.send(command)
      expected += reply
      if (reply !== '') this.commands++
      if (this.#pick(4) === 0) await setImmediate()
    }
    await this.#upstream.ask('')
    assert.equal(this.#upstream.output.slice(from), expected)
  }

  async roundsUntil(done: () => boolean): Promise<void> {
    while (!done()) await this.round()
  }

  #next(): [command: string, reply: string] {
    const key = `${this.#name}:${this.#pick(KEYS)}`
    const value = this.#model.get(key)
    switch (this.#pick(7)) {
      case 0:
        return this.#set(key, '')
      case 1:
        return this.#set(key, ' noreply')
      case 2:
        this.#model.delete(key)
        return [`delete ${key}\r\n`, value === undefined ? 'NOT_FOUND\r\n' : 'DELETED\r\n']
      case 3: {
        if (value === undefined) return [`incr ${key} 1\r\n`, 'NOT_FOUND\r\n']
        const sum = String(Number(value) + 1)
        this.#model.set(key, sum)
        return [`incr ${key} 1\r\n`, `${sum}\r\n`]
      }
      case 4: {
        const other = `${this.#name}:${this.#pick(KEYS)}`
        return [`get ${key} ${other}\r\n`, `${this.#value(key)}${this.#value(other)}END\r\n`]
      }
      default:
        return [`get ${key}\r\n`, `${this.#value(key)}END\r\n`]
    }
  }

  #set(key: string, noreply: string): [command: string, reply: string] {
    const value = String(this.#pick(100_000))
    this.#model.set(key, value)
    const command = `set ${key} 0 0 ${value.length}${noreply}\r\n${value}\r\n`
    return [command, noreply === '' ? 'STORED\r\n' : '']
  }

  #value(key: string): string {
    const value = this.#model.get(key)
    return value === undefined ? '' : `VALUE ${key} 0 ${value.length}\r\n${value}\r\n`
  }

  /** Numbers that a seed repeats. */
  #pick(below: number): number {
    this.#random = (Math.imul(this.#random, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((this.#random / 2 ** 32) * below)
  }
}
