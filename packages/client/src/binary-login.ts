/**
 * What a fresh binary connection says before its first operation: SASL with the strongest mechanism
 * that both sides know, then the choice of a bucket; or a noop, when there is nothing else to say,
 * as a server that accepts connections may still be frozen. It decides what to send and when it is
 * done; the connection owns the socket and the time.
 *
 * A server that knows no SASL at all serves a bucket without a password; with one it is refused, as
 * it would not ask anybody for it. Membase has no choice of a bucket (the login is the choice), so
 * a server that does not know the request is fine.
 */
import { type BinaryReply, BinaryStatus, Opcode } from '@holdfast/protocol'
import {
  beginSasl,
  chooseMechanism,
  type SaslConversation,
  type SaslCredentials,
  SaslError,
} from './sasl-client.ts'

/** What a login needs of its connection. */
export interface BinaryLoginOwner {
  loginSends(opcode: number, name: string, message: string): void
  loginDone(): void
  loginFailed(reason: string): void
}

/** What is to be said. */
export interface BinaryLoginOptions {
  credentials: SaslCredentials | undefined
  /** Chosen after the login. */
  bucket: string | undefined
}

export class BinaryLogin {
  readonly #options: BinaryLoginOptions
  readonly #owner: BinaryLoginOwner
  #conversation: SaslConversation | undefined = undefined

  constructor(options: BinaryLoginOptions, owner: BinaryLoginOwner) {
    this.#options = options
    this.#owner = owner
  }

  begin(): void {
    const { credentials, bucket } = this.#options
    if (credentials !== undefined) this.#owner.loginSends(Opcode.SaslMechanisms, '', '')
    else if (bucket !== undefined) this.#choose()
    else this.#owner.loginSends(Opcode.Noop, '', '')
  }

  /** Takes the answer to what was sent last. */
  take(reply: BinaryReply): void {
    const { opcode, status } = reply
    const message = reply.buf.toString('utf8', reply.valueStart, reply.valueEnd)
    if (opcode === Opcode.SaslMechanisms) this.#start(status, message)
    else if (opcode === Opcode.SaslAuth || opcode === Opcode.SaslStep) this.#goOn(status, message)
    else if (opcode === Opcode.SelectBucket) this.#chosen(status)
    else if (opcode === Opcode.Noop) this.#owner.loginDone()
    else this.#owner.loginFailed(`unexpected reply to opcode ${hex(opcode)}`)
  }

  #start(status: number, list: string): void {
    const { credentials } = this.#options
    if (status === BinaryStatus.UnknownCommand && credentials?.password === '') {
      // Without logins there are no buckets either; memcached would close the connection if asked.
      this.#owner.loginDone()
      return
    }
    const mechanism = status === BinaryStatus.Success ? chooseMechanism(list) : undefined
    if (mechanism === undefined || credentials === undefined) {
      this.#owner.loginFailed(`no SASL mechanism in common, status ${hex(status)}`)
      return
    }
    this.#conversation = beginSasl(mechanism, credentials)
    this.#owner.loginSends(Opcode.SaslAuth, mechanism, this.#conversation.first)
  }

  #goOn(status: number, message: string): void {
    const conversation = this.#conversation
    if (conversation === undefined) return
    if (status === BinaryStatus.AuthContinue) {
      conversation.answer(message).then(
        (answer) => this.#owner.loginSends(Opcode.SaslStep, conversation.mechanism, answer),
        (error: unknown) => this.#owner.loginFailed(textOf(error)),
      )
      return
    }
    if (status !== BinaryStatus.Success) {
      this.#owner.loginFailed(`the server refused the credentials, status ${hex(status)}`)
      return
    }
    try {
      conversation.finish(message)
    } catch (error) {
      this.#owner.loginFailed(textOf(error))
      return
    }
    this.#choose()
  }

  #choose(): void {
    const { bucket } = this.#options
    if (bucket === undefined) this.#owner.loginDone()
    else this.#owner.loginSends(Opcode.SelectBucket, bucket, '')
  }

  #chosen(status: number): void {
    const unknown = status === BinaryStatus.UnknownCommand || status === BinaryStatus.NotSupported
    if (status === BinaryStatus.Success || unknown) this.#owner.loginDone()
    else this.#owner.loginFailed(`the server refused the bucket, status ${hex(status)}`)
  }
}

function hex(value: number): string {
  return `0x${value.toString(16).padStart(2, '0')}`
}

function textOf(error: unknown): string {
  if (error instanceof SaslError) return error.message
  throw error
}
