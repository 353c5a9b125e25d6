/**
 * Who serves which slots of somebody's own engines, from their answers. Pure.
 */
import { RespKind, type RespReply } from '@holdfast/protocol'
import { crc16, SLOTS } from '@holdfast/topology'

/** One primary with its replicas. */
export interface ValkeyNode {
  /** `host:port` */
  primary: string
  replicas: string[]
  /** Inclusive ranges of slots, of an engine alone all. */
  slots: [from: number, to: number][]
}

/**
 * Reads the answer to CLUSTER SLOTS; an engine that names itself without a host is the one that was
 * asked. Undefined when the answer is none.
 */
export function parseClusterSlots(reply: RespReply, asked: string): ValkeyNode[] | undefined {
  if (reply.kind !== RespKind.Array) return undefined
  const nodes = new Map<string, ValkeyNode>()
  for (const entry of reply.items) {
    const [from, to, primary, ...replicas] = entry.items
    const address = primary === undefined ? undefined : addressOf(primary, asked)
    if (from === undefined || to === undefined || address === undefined) return undefined
    if (!isSlot(from) || !isSlot(to) || from.int > to.int) return undefined
    const node = nodes.get(address) ?? { primary: address, replicas: [], slots: [] }
    nodes.set(address, node)
    node.slots.push([from.int, to.int])
    for (const replica of replicas) {
      const place = addressOf(replica, asked)
      if (place !== undefined && !node.replicas.includes(place)) node.replicas.push(place)
    }
  }
  return nodes.size === 0 ? undefined : [...nodes.values()]
}

/** Whether a refusal of CLUSTER SLOTS means that the engine stands alone. */
export function standsAlone(reply: RespReply): boolean {
  if (reply.kind !== RespKind.Error) return false
  const text = reply.buf.toString('latin1', reply.start, reply.end)
  return /cluster support disabled|unknown command/i.test(text)
}

/**
 * The node that an engine alone makes up, by its answer to ROLE: none when it is a replica. One
 * that does not let its users ask is taken for a primary.
 */
export function parseRole(reply: RespReply, asked: string): ValkeyNode[] | undefined {
  const [role] = reply.items
  const isPrimary =
    role === undefined
      ? reply.kind === RespKind.Error
      : role.buf.toString('latin1', role.start, role.end) === 'master'
  return isPrimary ? [{ primary: asked, replicas: [], slots: [[0, SLOTS - 1]] }] : undefined
}

/** Where a MOVED or ASK sends, or undefined for any other refusal. */
export function parseRedirect(
  refusal: string,
  asked: string,
): { kind: 'MOVED' | 'ASK'; slot: number; address: string } | undefined {
  const form = /^(MOVED|ASK) (\d+) (\S*):(\d+)/.exec(refusal)
  if (form === null) return undefined
  const [, kind, slot, host, port] = form
  const address = `${host === '' ? hostOf(asked) : bracketed(host ?? '')}:${port}`
  return { kind: kind === 'ASK' ? 'ASK' : 'MOVED', slot: Number(slot), address }
}

/** A hash tag in braces of which the slot is one of the ranges; for a key that is nobody's. */
export function tagInSlots(slots: readonly (readonly [number, number])[]): Buffer {
  const bytes = Buffer.alloc(16)
  for (let count = 0; count < TAGS_TRIED_MAX; count++) {
    const tag = `holdfast${count.toString(36)}`
    const slot = crc16(bytes, 0, bytes.write(tag, 'latin1')) % SLOTS
    if (slots.some(([from, to]) => slot >= from && slot <= to)) return Buffer.from(`{${tag}}`)
  }
  return Buffer.from('{holdfast}')
}

/** Enough to meet every slot. */
const TAGS_TRIED_MAX = 400_000

function addressOf(entry: RespReply, asked: string): string | undefined {
  const [host, port] = entry.items
  if (host === undefined || port === undefined || port.int < 1 || port.int > 65_535)
    return undefined
  const name = host.kind === RespKind.Null ? '' : host.buf.toString('latin1', host.start, host.end)
  if (name === '?') return undefined
  return `${name === '' ? hostOf(asked) : bracketed(name)}:${port.int}`
}

function hostOf(address: string): string {
  return address.slice(0, address.lastIndexOf(':'))
}

function bracketed(host: string): string {
  return host.includes(':') && !host.startsWith('[') ? `[${host}]` : host
}

function isSlot(reply: RespReply): boolean {
  return reply.kind === RespKind.Int && reply.int >= 0 && reply.int < SLOTS
}
