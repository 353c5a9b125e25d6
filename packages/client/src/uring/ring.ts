/**
 * One io_uring: its submission and completion queues, and a group of buffers that the kernel
 * chooses from when it receives. Knows nothing of sockets' owners; socket-loop.ts does.
 *
 * Layouts and constants are those of linux/io_uring.h. The kernel looks at the queues only inside
 * `enter` (IORING_SETUP_DEFER_TASKRUN, single issuer), so plain loads and stores are enough.
 */
import type { SystemCalls } from './system-calls.ts'

const SUBMISSION_ENTRIES = 1024
const COMPLETION_ENTRIES = 8192
const SUBMISSION_BYTES = 64
const COMPLETION_BYTES = 16

/** CQSIZE, CLAMP, SUBMIT_ALL, COOP_TASKRUN, SINGLE_ISSUER, DEFER_TASKRUN. */
const SETUP_FLAGS: number = (1 << 3) | (1 << 4) | (1 << 7) | (1 << 8) | (1 << 12) | (1 << 13)
const FEATURE_EXTENDED_ARGUMENT: number = 1 << 8
const OFFSET_SUBMISSION_RING = 0n
const OFFSET_SUBMISSION_ENTRIES = 0x1000_0000n
const REGISTER_BUFFER_RING = 22

const ENTER_GET_EVENTS = 1
const ENTER_EXTENDED_ARGUMENT = 8

const OP_POLL_ADD = 6
const OP_ASYNC_CANCEL = 14
const OP_SEND = 26
const OP_RECV = 27
const RECV_MULTISHOT = 2
const BUFFER_SELECT: number = 1 << 5
const POLL_IN = 1
/** NOSIGNAL and WAITALL: a send completes when all is sent or nothing more can be. */
const SEND_FLAGS = 0x4100

/** A completion carries a buffer. */
export const COMPLETION_BUFFER = 1
/** More completions of the same submission follow. */
export const COMPLETION_MORE = 2

const RECEIVE_BUFFERS = 128
/** Size of each receive buffer. */
export const RECEIVE_BUFFER_BYTES: number = 32 * 1024
const BUFFER_GROUP = 1
const PAGE_BYTES = 4096

/** Told of each completion: what the submission was tagged with, its result and flags. */
export type OnCompletion = (id: number, kind: number, result: number, flags: number) => void

export class Ring {
  /** Receive buffers, one after another. */
  readonly receiveMemory: Buffer
  /** Held only because the kernel knows its address. */
  readonly kernelMemory: readonly ArrayBufferView[]
  readonly #calls: SystemCalls
  readonly #fd: number
  readonly #ring: Int32Array
  readonly #entries: Int32Array
  readonly #tailAt: number
  readonly #submissionMask: number
  readonly #completionHeadAt: number
  readonly #completionTailAt: number
  readonly #completionMask: number
  readonly #completionsAt: number
  readonly #group: Int32Array
  readonly #groupHalves: Int16Array
  readonly #receiveAddress: number
  readonly #argument: bigint
  readonly #timespec: BigInt64Array
  #groupTail = 0
  #tail = 0
  #unsubmitted = 0

  /** Sets the ring up; throws an error that says what the system refuses. */
  constructor(calls: SystemCalls) {
    this.#calls = calls
    const params = new Int32Array(30)
    params[1] = COMPLETION_ENTRIES
    params[2] = SETUP_FLAGS
    const at = (buffer: ArrayBufferLike): bigint => BigInt(calls.addressOf(buffer))
    this.#fd = calls.setup(SUBMISSION_ENTRIES, at(params.buffer))
    if (this.#fd < 0) throw new Error('the kernel or its policy refuses io_uring_setup')
    if (((params[5] ?? 0) & FEATURE_EXTENDED_ARGUMENT) === 0) {
      throw this.#given('the kernel is too old')
    }
    const word = (byte: number): number => params[byte >> 2] ?? 0
    const entries = word(0)
    const ringBytes = Math.max(
      word(40 + 24) + entries * 4,
      word(80 + 20) + word(4) * COMPLETION_BYTES,
    )
    const ring = calls.map(this.#fd, ringBytes, OFFSET_SUBMISSION_RING)
    const slots = calls.map(this.#fd, entries * SUBMISSION_BYTES, OFFSET_SUBMISSION_ENTRIES)
    if (ring === undefined || slots === undefined) throw this.#given('the rings cannot be mapped')
    this.#ring = new Int32Array(ring, 0, ringBytes >> 2)
    this.#entries = new Int32Array(slots)
    this.#tailAt = word(40 + 4) >> 2
    this.#submissionMask = this.#ring[word(40 + 8) >> 2] ?? 0
    const arrayAt = word(40 + 24) >> 2
    for (let i = 0; i < entries; i++) this.#ring[arrayAt + i] = i
    this.#completionHeadAt = word(80) >> 2
    this.#completionTailAt = word(80 + 4) >> 2
    this.#completionMask = this.#ring[word(80 + 8) >> 2] ?? 0
    this.#completionsAt = word(80 + 20) >> 2

    this.#timespec = new BigInt64Array(2)
    const argument = new BigUint64Array(3)
    argument[2] = at(this.#timespec.buffer)
    this.#argument = at(argument.buffer)
    this.kernelMemory = [argument]

    const memory = Buffer.allocUnsafeSlow((RECEIVE_BUFFERS + 1) * RECEIVE_BUFFER_BYTES)
    this.receiveMemory = memory.subarray(0, RECEIVE_BUFFERS * RECEIVE_BUFFER_BYTES)
    this.#receiveAddress = calls.addressOf(memory.buffer)
    const group = pageAligned(calls, RECEIVE_BUFFERS * 16)
    this.#group = new Int32Array(group.buffer, group.offset, RECEIVE_BUFFERS * 4)
    this.#groupHalves = new Int16Array(group.buffer, group.offset, RECEIVE_BUFFERS * 8)
    this.#registerGroup(group.address)
  }

  /** Receives again and again into buffers of the group until cancelled or at an end. */
  receive(fd: number, id: number, kind: number): void {
    const at = this.#slot(id, kind)
    this.#entries[at] = OP_RECV | (BUFFER_SELECT << 8) | (RECV_MULTISHOT << 16)
    this.#entries[at + 1] = fd
    this.#entries[at + 10] = BUFFER_GROUP
  }

  /** Sends bytes that must stay where they are until it completes. */
  send(fd: number, address: number, bytes: number, id: number, kind: number): void {
    const at = this.#slot(id, kind)
    this.#entries[at] = OP_SEND
    this.#entries[at + 1] = fd
    this.#entries[at + 4] = address | 0
    this.#entries[at + 5] = Math.floor(address / 2 ** 32)
    this.#entries[at + 6] = bytes
    this.#entries[at + 7] = SEND_FLAGS
  }

  /** Completes once when `fd` becomes readable. */
  poll(fd: number, id: number, kind: number): void {
    const at = this.#slot(id, kind)
    this.#entries[at] = OP_POLL_ADD
    this.#entries[at + 1] = fd
    this.#entries[at + 7] = POLL_IN
  }

  /** Cancels the submission tagged `targetId`, `targetKind`. */
  cancel(targetId: number, targetKind: number, id: number, kind: number): void {
    const at = this.#slot(id, kind)
    this.#entries[at] = OP_ASYNC_CANCEL
    this.#entries[at + 1] = -1
    this.#entries[at + 4] = targetId
    this.#entries[at + 5] = targetKind
  }

  /** Gives a receive buffer back to the kernel. */
  giveBuffer(index: number): void {
    const at = (this.#groupTail & (RECEIVE_BUFFERS - 1)) << 2
    const address = this.#receiveAddress + index * RECEIVE_BUFFER_BYTES
    this.#group[at] = address | 0
    this.#group[at + 1] = Math.floor(address / 2 ** 32)
    this.#group[at + 2] = RECEIVE_BUFFER_BYTES
    this.#groupHalves[(at + 3) << 1] = index
    this.#groupTail = (this.#groupTail + 1) & 0xffff
    // The tail lies in the unused half-word of the first entry.
    this.#groupHalves[7] = this.#groupTail
  }

  /** Submits what is queued and waits up to `timeoutMs` for `wait` completions (0: none). */
  enter(wait: number, timeoutMs: number): void {
    this.#timespec[0] = 0n
    this.#timespec[1] = timeoutMs === 1 ? NANOS_1_MS : NANOS_10_MS
    this.#submit(wait)
  }

  /** Calls `onCompletion` for each completion there is; returns how many there were. */
  drain(onCompletion: OnCompletion): number {
    const ring = this.#ring
    let head = ring[this.#completionHeadAt] ?? 0
    const first = head
    while (head !== ring[this.#completionTailAt]) {
      const at = this.#completionsAt + ((head & this.#completionMask) << 2)
      const id = ring[at] ?? 0
      const kind = ring[at + 1] ?? 0
      const result = ring[at + 2] ?? 0
      const flags = ring[at + 3] ?? 0
      head = (head + 1) | 0
      ring[this.#completionHeadAt] = head
      onCompletion(id, kind, result, flags)
    }
    return (head - first) | 0
  }

  #submit(wait: number): void {
    this.#ring[this.#tailAt] = this.#tail
    const submit = this.#unsubmitted
    const flags = ENTER_GET_EVENTS | ENTER_EXTENDED_ARGUMENT
    const submitted = this.#calls.enter(this.#fd, submit, wait, flags, this.#argument)
    // A timeout or a signal is -1 when nothing was submitted; then nothing was queued either, or
    // the rest goes with the next call.
    if (submitted > 0) this.#unsubmitted -= submitted
    else if (submit > 0 && wait === 0) throw new Error('bug: io_uring_enter takes no submissions')
  }

  #slot(id: number, kind: number): number {
    if (this.#unsubmitted === this.#submissionMask + 1) this.#submit(0)
    const at = (this.#tail & this.#submissionMask) << 4
    this.#tail = (this.#tail + 1) | 0
    this.#unsubmitted++
    const entries = this.#entries
    // Word by word: a short fill by call costs more than all of them.
    for (let word = at; word < at + 8; word++) entries[word] = 0
    entries[at + 8] = id
    entries[at + 9] = kind
    for (let word = at + 10; word < at + 16; word++) entries[word] = 0
    return at
  }

  #registerGroup(address: number): void {
    const argument = new BigInt64Array(5)
    argument[0] = BigInt(address)
    argument[1] = BigInt(RECEIVE_BUFFERS) | (BigInt(BUFFER_GROUP) << 32n)
    const at = BigInt(this.#calls.addressOf(argument.buffer))
    if (this.#calls.register(this.#fd, REGISTER_BUFFER_RING, at, 1) < 0) {
      throw this.#given('the kernel has no provided buffer rings')
    }
    for (let index = 0; index < RECEIVE_BUFFERS; index++) this.giveBuffer(index)
  }

  #given(reason: string): Error {
    this.#calls.close(this.#fd)
    return new Error(reason)
  }
}

const NANOS_1_MS = 1_000_000n
const NANOS_10_MS = 10_000_000n

function pageAligned(
  calls: SystemCalls,
  bytes: number,
): { buffer: ArrayBuffer; offset: number; address: number } {
  const buffer = new ArrayBuffer(bytes + PAGE_BYTES)
  const address = calls.addressOf(buffer)
  const offset = (PAGE_BYTES - (address % PAGE_BYTES)) % PAGE_BYTES
  return { buffer, offset, address: address + offset }
}
