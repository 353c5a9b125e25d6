/**
 * The reply to a login: at once when it succeeded or goes on, after a delay when it failed. The
 * requests behind it are taken meanwhile (a failed login changes nothing for them), their replies
 * wait.
 */
import type { ReplySlot } from '@holdfast/client'
import {
  BinaryStatus,
  type ByteWriter,
  Dialect,
  type MemcachedRequest,
  writeBinaryStatus,
} from '@holdfast/protocol'
import type { ConversationOwner } from './conversation.ts'
import type { LoginAnswer } from './login-conversation.ts'

/** Counts the login and gives the slot of its reply; who is logged in is the conversation's. */
export function takeLogin(
  owner: ConversationOwner,
  request: MemcachedRequest,
  answer: LoginAnswer,
): ReplySlot {
  const { bucket, delayMs } = answer
  if (bucket !== undefined) {
    owner.countFor(bucket.statistics)
    bucket.statistics.logins++
  } else if (delayMs > 0) {
    owner.statistics.loginFailures++
  }
  return new LoginReply(request, answer, (slot) => owner.slotSettled(slot))
}

class LoginReply implements ReplySlot {
  settled: boolean
  readonly deadlineMs = 0
  readonly #dialect: Dialect
  readonly #opcode: number
  readonly #opaque: number
  readonly #answer: LoginAnswer

  constructor(request: MemcachedRequest, answer: LoginAnswer, settled: (slot: ReplySlot) => void) {
    this.#dialect = request.dialect
    this.#opcode = request.opcode
    this.#opaque = request.opaque
    this.#answer = answer
    this.settled = answer.delayMs === 0
    if (this.settled) return
    setTimeout(() => {
      this.settled = true
      settled(this)
    }, answer.delayMs).unref()
  }

  fail(): void {}

  writeReply(writer: ByteWriter): void {
    const { status, message, bucket } = this.#answer
    if (this.#dialect === Dialect.Binary) {
      const asked = { opcode: this.#opcode, opaque: this.#opaque }
      writeBinaryStatus(writer, asked, status, message)
    } else {
      writer.ascii(bucket === undefined ? asciiFailure(status, message) : 'STORED\r\n')
    }
  }
}

function asciiFailure(status: number, message: string): string {
  if (status === BinaryStatus.TemporaryFailure) return `SERVER_ERROR ${message}\r\n`
  return 'CLIENT_ERROR authentication failure\r\n'
}
