/**
 * Holds the conversations of the suite with a server and writes down what it said in a form that
 * can be compared: CAS values are numbered by their first appearance, seconds are rounded where a
 * second may pass between two servers.
 */
import { Opcode } from '@holdfast/protocol'
import { BinaryClient, type BinaryReply, binaryRequest } from './binary-client.ts'
import type { BinaryCase, BinaryStep, ConformanceCase } from './conformance-case.ts'
import { TextClient } from './text-client.ts'

const SENTINEL = 'VALUE sentinel 0 8\r\nSENTINEL\r\nEND\r\n'
/** Seconds of a ttl that are as good as the round number above them. */
const TTL_ROUND_SECONDS = 10

/** Numbers the CAS values of one conversation, so that equal ones have equal names. */
class CasNames {
  last = 1n
  readonly #names: Map<string, string> = new Map()

  name(cas: string): string {
    this.last = BigInt(cas)
    const name = this.#names.get(cas) ?? `#${this.#names.size + 1}`
    this.#names.set(cas, name)
    return name
  }

  /** Puts the CAS last seen, or a neighbour of it, into a step. */
  fill(step: string): string {
    return step
      .replaceAll('{cas}', String(this.last))
      .replaceAll('{older}', String(this.last - 1n))
      .replaceAll('{newer}', String(this.last + 1n))
  }
}

/** What a server says to a conversation in text and meta commands, one entry for each step. */
export async function converse(address: string, asked: ConformanceCase): Promise<string[]> {
  const client = await TextClient.connect(address)
  const names = new CasNames()
  const replies: string[] = []
  await client.ask('flush_all\r\n')
  for (const step of asked.steps) {
    replies.push(comparable(await answer(client, names.fill(step)), names))
    if (client.closed) break
  }
  client.close()
  return replies
}

/** What a server says to one request on a fresh connection, after another that prepares it. */
export async function replyTo(address: string, before: string, request: string): Promise<string> {
  const client = await TextClient.connect(address)
  await client.ask('flush_all\r\n')
  if (before !== '') await answer(client, before)
  const reply = await answer(client, request)
  client.close()
  return reply
}

/** What a server says to a binary conversation, one line for each reply. */
export async function converseBinary(address: string, asked: BinaryCase): Promise<string[][]> {
  const client = await BinaryClient.connect(address)
  const names = new CasNames()
  const replies: string[][] = []
  await client.ask(Opcode.Flush)
  for (const steps of asked.steps) {
    const requests = steps.map((step) => requestOf(step, names))
    const lines = await client.askAll(Buffer.concat(requests))
    replies.push(lines.map((reply) => lineOf(reply, names)))
    if (client.closed) {
      replies.push(['(closed)'])
      break
    }
  }
  client.close()
  return replies
}

/** Sends one request and everything until the sentinel's value, which is left out. */
async function answer(client: TextClient, request: string): Promise<string> {
  client.send(request)
  client.send('set sentinel 0 0 8 noreply\r\nSENTINEL\r\nget sentinel\r\n')
  const reply = await client.take(SENTINEL)
  return reply.endsWith(SENTINEL) ? reply.slice(0, -SENTINEL.length) : `${reply}(closed)`
}

function comparable(reply: string, names: CasNames): string {
  return reply
    .replace(
      /^(VALUE \S+ \d+ \d+) (\d+)\r$/gm,
      (_line, head, cas) => `${head} ${names.name(cas)}\r`,
    )
    .replace(/^(?:HD|VA|EN|NS|EX|NF)\b.*\r$/gm, (line) => comparableMeta(line, names))
}

function comparableMeta(line: string, names: CasNames): string {
  return line
    .replace(/ c(\d+)/, (_flag, cas) => ` c${names.name(cas)}`)
    .replace(/ t(\d+)/, (_flag, ttl) => ` t${roundTtl(Number(ttl))}`)
    .replace(/ l[012]\b/, ' l0')
}

function roundTtl(seconds: number): number {
  return Math.ceil(seconds / TTL_ROUND_SECONDS) * TTL_ROUND_SECONDS
}

function requestOf({ opcode, cas, ...fields }: BinaryStep, { last }: CasNames): Buffer {
  if (cas === undefined) return binaryRequest(opcode, fields)
  const of = { last, older: last - 1n, newer: last + 1n }
  return binaryRequest(opcode, { ...fields, cas: typeof cas === 'bigint' ? cas : of[cas] })
}

function lineOf(reply: BinaryReply, names: CasNames): string {
  const name = Object.entries(Opcode).find(([, opcode]) => opcode === reply.opcode)?.[0]
  const cas = reply.cas === 0n ? '0' : names.name(String(reply.cas))
  const counts = reply.status === 0 && (name?.startsWith('Incr') || name?.startsWith('Decr'))
  const value = counts ? String(Buffer.from(reply.value, 'latin1').readBigUInt64BE()) : reply.value
  return [
    name ?? `opcode ${reply.opcode}`,
    `status ${reply.status}`,
    `opaque ${reply.opaque}`,
    `cas ${cas}`,
    `extras ${reply.extras.toString('hex')}`,
    JSON.stringify(reply.key),
    JSON.stringify(value),
  ].join(' ')
}
