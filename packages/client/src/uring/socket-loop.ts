/**
 * Sockets over one io_uring per thread, beside the runtime's own event loop.
 *
 *   setImmediate ─> flush what is due ─> enter: submit, wait ─> completions ─> handlers ─┐
 *        ^                  ^────────────── while there is more, for SPIN_MS_MAX ────────┤
 *        └─ the runtime's loop, when its own descriptors or timers have something ───────┘
 *
 * One system call per round carries all reads and writes of all sockets, which is where the gain
 * over a read and a write call per socket comes from. The ring also watches the descriptor on which
 * the runtime's loop waits, so that HTTP, signals and the like end a wait at once; timers are at
 * most `IDLE_WAIT_MS` late. While no socket is open nothing runs.
 *
 * Sockets are made by `node:net` (names, bind, accept, connect with its time limit) and taken over
 * by their descriptor.
 */
import type net from 'node:net'
import { getSystemErrorName } from 'node:util'
import { SEND_SLAB_BYTES, type SendSlab, takeSendSlab } from '@holdfast/protocol'
import { handleOf } from '../net-socket.ts'
import { keepBytes, keepForTurn } from '../read-slab.ts'
import type { ByteSocket, ByteSocketHandler } from '../socket.ts'
import { COMPLETION_BUFFER, COMPLETION_MORE, RECEIVE_BUFFER_BYTES, Ring } from './ring.ts'
import { openSystemCalls, type SystemCalls } from './system-calls.ts'

/** Longest wait when the runtime's loop has just had its turn. */
const IDLE_WAIT_MS = 10
/** Longest wait within a spin: what the handlers left to promises waits as long. */
const BUSY_WAIT_MS = 1
/** Longest time without a turn of the runtime's loop. */
const SPIN_MS_MAX = 3
/** Backlog above which a socket tells when it has drained. */
const DRAIN_TOLD_BYTES: number = 16 * 1024

const LOOP_ID = 0
const Kind = { Receive: 1, Send: 2, Cancel: 3, RuntimeLoop: 4 } as const
const NO_BUFFERS = -105
const CANCELLED = -125

/** Opens the thread's ring, or tells why there is none. */
export function openSocketLoop(): SocketLoop | string {
  const calls = openSystemCalls()
  if (typeof calls === 'string') return calls
  try {
    return new SocketLoop(calls, new Ring(calls))
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

export class SocketLoop {
  readonly calls: SystemCalls
  readonly ring: Ring
  readonly #sockets: (UringSocket | undefined)[] = [undefined]
  readonly #freeIds: number[] = []
  readonly #addresses: WeakMap<ArrayBufferLike, number> = new WeakMap()
  readonly #runtimeFd: number
  #due: (() => void)[] = []
  #open = 0
  #armed = false
  #watching = false
  #runtimeWaits = false

  constructor(calls: SystemCalls, ring: Ring) {
    this.calls = calls
    this.ring = ring
    this.#runtimeFd = calls.eventLoopFd()
  }

  /** Takes over a connected socket of `node:net`; undefined when it has no descriptor to take. */
  adoptAccepted(socket: net.Socket, handler: ByteSocketHandler): ByteSocket | undefined {
    const fd = handleOf(socket)?.fd ?? -1
    const own = fd < 0 ? -1 : this.calls.duplicate(fd)
    if (own < 0) return undefined
    socket.on('error', () => {})
    socket.destroy()
    return this.#adopt(own, handler)
  }

  #adopt(own: number, handler: ByteSocketHandler): ByteSocket {
    const id = this.#freeIds.pop() ?? this.#sockets.length
    const socket = new UringSocket(this, id, own, handler)
    this.#sockets[id] = socket
    this.#open++
    socket.resumeReading()
    this.#arm()
    return socket
  }

  /** Runs the callback once, before the ring is entered again. */
  afterReads(callback: () => void): void {
    this.#due.push(callback)
    this.#arm()
  }

  /** For sockets: the id is free again. */
  released(id: number): void {
    this.#sockets[id] = undefined
    this.#freeIds.push(id)
    this.#open--
  }

  /** For sockets: where the bytes are. */
  addressOf(chunk: Buffer): number {
    let base = this.#addresses.get(chunk.buffer)
    if (base === undefined) {
      base = this.calls.addressOf(chunk.buffer)
      this.#addresses.set(chunk.buffer, base)
    }
    return base + chunk.byteOffset
  }

  #arm(): void {
    if (this.#armed) return
    this.#armed = true
    setImmediate(this.#spin)
  }

  #spin = (): void => {
    const untilMs = performance.now() + SPIN_MS_MAX
    let waitMs = IDLE_WAIT_MS
    this.#runtimeWaits = false
    if (!this.#watching && this.#open > 0) {
      this.#watching = true
      this.ring.poll(this.#runtimeFd, LOOP_ID, Kind.RuntimeLoop)
    }
    do {
      this.#runDue()
      if (this.#open === 0) break
      this.ring.enter(this.#runtimeWaits ? 0 : 1, waitMs)
      waitMs = BUSY_WAIT_MS
    } while (
      this.ring.drain(this.#complete) > 0 &&
      !this.#runtimeWaits &&
      performance.now() < untilMs
    )
    this.#armed = false
    if (this.#open > 0 || this.#due.length > 0) this.#arm()
  }

  #runDue(): void {
    const due = this.#due
    if (due.length === 0) return
    this.#due = []
    for (const callback of due) callback()
  }

  #complete = (id: number, kind: number, result: number, flags: number): void => {
    if (kind === Kind.RuntimeLoop) {
      this.#watching = false
      this.#runtimeWaits = true
      return
    }
    const socket = this.#sockets[id]
    if (socket === undefined) throw new Error('bug: a completion for no socket')
    if (kind === Kind.Receive) socket.received(result, flags)
    else if (kind === Kind.Send) socket.sent(result)
    else socket.cancelled()
  }
}

class UringSocket implements ByteSocket {
  readonly #loop: SocketLoop
  readonly #id: number
  readonly #fd: number
  readonly #handler: ByteSocketHandler
  #queue: Buffer[] = []
  /** Beside `#queue`: what its chunks lie in. */
  #queuedSlabs: (SendSlab | undefined)[] = []
  #sending: Buffer | undefined = undefined
  #sendingSlab: SendSlab | undefined = undefined
  #sentBytes = 0
  #backlogBytes = 0
  #drainAwaited = false
  #wantsToRead = false
  /** A receive is with the kernel; `#cancelling`: and its cancellation. */
  #receiving = false
  #cancelling = false
  /** Arrived while reading was paused. */
  #held: Buffer[] = []
  #heldDue = false
  #peerEnded = false
  #endTold = false
  #ending = false
  #closed = false
  #released = false
  #reason = ''

  constructor(loop: SocketLoop, id: number, fd: number, handler: ByteSocketHandler) {
    this.#loop = loop
    this.#id = id
    this.#fd = fd
    this.#handler = handler
  }

  get backlogBytes(): number {
    return this.#backlogBytes
  }

  write(chunk: Buffer, slab?: SendSlab): void {
    if (this.#closed || this.#ending || chunk.length === 0) return
    slab?.hold()
    this.#backlogBytes += chunk.length
    if (this.#backlogBytes > DRAIN_TOLD_BYTES) this.#drainAwaited = true
    if (this.#sending === undefined) {
      this.#sendingSlab = slab
      this.#send(chunk, 0)
    } else {
      this.#queue.push(chunk)
      this.#queuedSlabs.push(slab)
    }
  }

  pauseReading(): void {
    this.#wantsToRead = false
    if (!this.#receiving || this.#cancelling || this.#closed) return
    this.#cancelling = true
    this.#loop.ring.cancel(this.#id, Kind.Receive, this.#id, Kind.Cancel)
  }

  resumeReading(): void {
    if (this.#closed || this.#wantsToRead) return
    this.#wantsToRead = true
    if (this.#held.length > 0 || (this.#peerEnded && !this.#endTold)) this.#deliverLater()
    this.#receive()
  }

  end(): void {
    if (this.#closed) return
    this.#ending = true
    if (this.#sending === undefined) this.destroy()
  }

  destroy(): void {
    this.#close('')
  }

  received(result: number, flags: number): void {
    if ((flags & COMPLETION_MORE) === 0) this.#receiving = false
    if ((flags & COMPLETION_BUFFER) !== 0) {
      const index = flags >>> 16
      if (result > 0 && !this.#closed) {
        const { ring } = this.#loop
        const chunk = this.#keep(ring.receiveMemory, index * RECEIVE_BUFFER_BYTES, result)
        ring.giveBuffer(index)
        this.#arrived(chunk)
      } else {
        this.#loop.ring.giveBuffer(index)
      }
    } else if (result === 0) {
      this.#peerEnded = true
      this.#tellEnd()
    } else if (result < 0 && result !== NO_BUFFERS && result !== CANCELLED) {
      this.#close(`read ${getSystemErrorName(result)}`)
    }
    this.#receive()
    this.#releaseWhenIdle()
  }

  sent(result: number): void {
    const chunk = this.#sending
    if (chunk === undefined) throw new Error('bug: a send completed that was not begun')
    this.#sending = undefined
    if (result <= 0) {
      this.#letGo()
      this.#close(`write ${getSystemErrorName(result === 0 ? -32 : result)}`)
    } else if (!this.#closed) {
      this.#backlogBytes -= result
      const sentBytes = this.#sentBytes + result
      if (sentBytes < chunk.length) {
        this.#send(chunk, sentBytes)
        return
      }
      this.#letGo()
      this.#sendNext()
    } else {
      this.#letGo()
    }
    this.#releaseWhenIdle()
  }

  cancelled(): void {
    this.#cancelling = false
    this.#receive()
    this.#releaseWhenIdle()
  }

  #keep(source: Buffer, start: number, count: number): Buffer {
    const now = this.#wantsToRead && this.#held.length === 0
    const forTurn = this.#handler.readsForTurn === true && now
    return forTurn ? keepForTurn(source, start, count) : keepBytes(source, start, count)
  }

  #arrived(chunk: Buffer): void {
    if (this.#wantsToRead && this.#held.length === 0) {
      this.#handler.socketRead(chunk)
    } else {
      this.#held.push(chunk)
    }
  }

  #send(chunk: Buffer, from: number): void {
    this.#sending = chunk
    this.#sentBytes = from
    const address = this.#loop.addressOf(chunk) + from
    this.#loop.ring.send(this.#fd, address, chunk.length - from, this.#id, Kind.Send)
  }

  /** The kernel has done with what was sending. */
  #letGo(): void {
    this.#sendingSlab?.letGo()
    this.#sendingSlab = undefined
  }

  #sendNext(): void {
    const next = this.#takeQueued()
    if (next !== undefined) this.#send(next, 0)
    else if (this.#ending) this.#close('')
    else if (this.#drainAwaited) {
      this.#drainAwaited = false
      this.#handler.socketDrained()
    }
  }

  /** What to send next: a large chunk as it is, small ones joined, in memory that is used again. */
  #takeQueued(): Buffer | undefined {
    const queue = this.#queue
    if (queue.length === 0) return undefined
    let count = 0
    let bytes = 0
    for (; count < queue.length; count++) {
      const more = bytes + (queue[count]?.length ?? 0)
      if (count > 0 && more > SEND_SLAB_BYTES) break
      bytes = more
    }
    const chunks = queue.splice(0, count)
    const slabs = this.#queuedSlabs.splice(0, count)
    this.#sendingSlab = slabs[0]
    if (count === 1) return chunks[0]
    const joined = takeSendSlab(SEND_SLAB_BYTES)
    joined.hold()
    joined.leave()
    this.#sendingSlab = joined
    let at = 0
    for (const chunk of chunks) at += chunk.copy(joined.memory, at)
    for (const slab of slabs) slab?.letGo()
    return joined.memory.subarray(0, bytes)
  }

  #receive(): void {
    if (!this.#wantsToRead || this.#receiving || this.#cancelling) return
    if (this.#closed || this.#peerEnded) return
    this.#receiving = true
    this.#loop.ring.receive(this.#fd, this.#id, Kind.Receive)
  }

  #deliverLater(): void {
    if (this.#heldDue) return
    this.#heldDue = true
    this.#loop.afterReads(() => {
      this.#heldDue = false
      while (this.#wantsToRead && !this.#closed) {
        const chunk = this.#held.shift()
        if (chunk === undefined) break
        this.#handler.socketRead(chunk)
      }
      this.#tellEnd()
    })
  }

  #tellEnd(): void {
    if (!this.#peerEnded || this.#endTold || this.#closed) return
    if (this.#held.length > 0 || !this.#wantsToRead) return
    this.#endTold = true
    this.#handler.socketEnded()
  }

  #close(reason: string): void {
    if (this.#closed) return
    this.#closed = true
    this.#reason = reason
    for (const slab of this.#queuedSlabs) slab?.letGo()
    this.#queue = []
    this.#queuedSlabs = []
    this.#held = []
    // Ends whatever the kernel still has of this socket.
    this.#loop.calls.shutdown(this.#fd)
    this.#loop.afterReads(() => this.#releaseWhenIdle())
  }

  /** Tells the owner, and frees the id, once the kernel holds nothing of this socket. */
  #releaseWhenIdle(): void {
    if (!this.#closed || this.#released) return
    if (this.#receiving || this.#cancelling || this.#sending !== undefined) return
    this.#released = true
    this.#loop.calls.close(this.#fd)
    this.#loop.released(this.#id)
    this.#handler.socketClosed(this.#reason)
  }
}
