/**
 * Moves the page to another node when its own stays silent. While all is well it renews a ticket
 * that another node of the cluster takes in the place of a password; it stays in memory. When the
 * node is silent its own health is asked first, then that of the others, and the page goes to the
 * first that answers: same address behind the `#`, same login.
 */
import { effect, type Signal, signal } from '@preact/signals'
import { connection, lastAnswer } from './live.ts'
import { send } from './request.ts'
import type { Ticket, Topology } from './types.ts'
import { who } from './who.ts'

const TICKET_INTERVAL_MS = 20_000
const LOOK_INTERVAL_MS = 1500
const HEALTH_TIMEOUT_MS = 1200
/** A node that restarts within this keeps its page. */
const FAILURES_BEFORE_MOVE = 2

/** The node that the page is going to. */
export const moving: Signal<string | null> = signal(null)

let ticket: { text: string; untilMs: number } | null = null

/** Renews tickets and watches over the connection from then on. */
export function startMoving(): void {
  document.addEventListener('securitypolicyviolation', noteUnaskable)
  setInterval(() => void renewTicket(), TICKET_INTERVAL_MS)
  effect(() => {
    if (who.value && who.value.role !== 'none') void renewTicket()
    else ticket = null
  })
  setInterval(() => void look(), LOOK_INTERVAL_MS)
}

/** Where the page goes: the same place at another node. Pure. */
export function addressAt(
  hostname: string,
  from: { protocol: string; hash: string },
  ticketText: string | null,
): string {
  const hash = from.hash || '#/overview'
  const joint = hash.includes('?') ? '&' : '?'
  const tail = ticketText === null ? '' : `${joint}ticket=${encodeURIComponent(ticketText)}`
  return `${from.protocol}//${hostname}/ui/${hash}${tail}`
}

async function renewTicket(): Promise<void> {
  if (!who.peek()?.user || connection.peek().state === 'silent') return
  try {
    const { ticket: text, expiresInSeconds } = await send<Ticket>('POST', '/uiticket')
    ticket = { text, untilMs: Date.now() + expiresInSeconds * 1000 }
  } catch {
    // Without a ticket the other node asks for the password.
  }
}

let isLooking = false

async function look(): Promise<void> {
  const { state, failures } = connection.peek()
  if (state !== 'silent') {
    moving.value = null
    return
  }
  if (isLooking || failures < FAILURES_BEFORE_MOVE) return
  isLooking = true
  try {
    if (await isWell('')) return
    const goal = await firstWell(otherNodes())
    if (goal === null || connection.peek().state !== 'silent') return
    moving.value = goal
    const text = ticket && ticket.untilMs > Date.now() ? ticket.text : null
    location.assign(addressAt(goal, location, text))
  } finally {
    isLooking = false
  }
}

function otherNodes(): string[] {
  const topology = lastAnswer<Topology>('/pools/default/topology')
  const own = who.peek()?.node
  const nodes = topology?.nodes ?? []
  const order = (status: string): number => (status === 'healthy' ? 0 : 1)
  return nodes
    .filter(({ hostname }) => hostname !== own && hostname !== location.host)
    .toSorted((a, b) => order(a.status) - order(b.status))
    .map(({ hostname }) => hostname)
}

/**
 * The first of them, in their order, that answers; else the first that may not be asked. A page may
 * ask only the nodes that were members when it was loaded, but may go to any.
 */
async function firstWell(hosts: string[]): Promise<string | null> {
  const origins = hosts.map((host) => `${location.protocol}//${host}`)
  const answers = await Promise.all(origins.map(isWell))
  const found = answers.indexOf(true)
  return hosts[found >= 0 ? found : origins.findIndex((one) => unaskable.has(one))] ?? null
}

const unaskable = new Set<string>()

function noteUnaskable({ blockedURI, effectiveDirective }: SecurityPolicyViolationEvent): void {
  const origin = URL.parse(blockedURI)?.origin
  if (effectiveDirective === 'connect-src' && origin !== undefined) unaskable.add(origin)
}

async function isWell(origin: string): Promise<boolean> {
  try {
    const signal = AbortSignal.timeout(HEALTH_TIMEOUT_MS)
    const response = await fetch(`${origin}/health`, { signal, cache: 'no-store' })
    return response.ok
  } catch {
    return false
  }
}
