/**
 * A conversation in memcached's protocols, whichever of the three: logins move the connection to
 * their bucket, without one it has the listener's own; keyed requests go to the bucket's backend
 * and the rest is answered here.
 */
import { type ReplySlot, submitRequest } from '@holdfast/client'
import { Dialect, type MemcachedRequest, Op } from '@holdfast/protocol'
import type { Bucket } from './bucket.ts'
import type { Conversation, ConversationOwner } from './conversation.ts'
import { replyLocally, unauthorized } from './local-replies.ts'
import { type LoginAnswer, LoginConversation } from './login-conversation.ts'
import { takeLogin } from './login-reply.ts'
import type { UpstreamHost } from './upstream-host.ts'

export class MemcachedConversation implements Conversation {
  ending = false
  readonly #host: UpstreamHost
  readonly #owner: ConversationOwner
  /** The bucket of its login. */
  #bucket: Bucket | undefined = undefined
  #login: LoginConversation | undefined = undefined

  constructor(host: UpstreamHost, owner: ConversationOwner) {
    this.#host = host
    this.#owner = owner
  }

  get bucket(): Bucket | undefined {
    return this.#bucket ?? this.#host.directory.anonymous
  }

  take(request: MemcachedRequest, deadlineMs: number): ReplySlot {
    const bucket = this.#bucket ?? this.#host.directory.anonymous
    const { op } = request
    const forBackend =
      (request.keyCount > 0 && op < Op.SaslMechanisms) ||
      (op === Op.FlushAll && request.exptime === 0)
    if (!forBackend) return this.#takeLocal(request, bucket)
    if (bucket === undefined) return this.#takeUnauthorized(request)
    const { statistics } = bucket
    if (statistics !== this.#owner.statistics) this.#owner.countFor(statistics)
    return submitRequest(bucket.backend, request, this.#owner, deadlineMs)
  }

  sweep(): void {}

  #takeLocal(request: MemcachedRequest, bucket: Bucket | undefined): ReplySlot {
    const { op } = request
    const { statistics } = this.#owner
    if (op >= Op.SaslMechanisms && op <= Op.SaslStep) {
      return this.#answerLogin(request, this.#conversation().answer(request))
    }
    if (op === Op.Invalid) statistics.invalidRequests++
    else statistics.countLocal(op)
    if (op === Op.Quit || request.fatal) this.ending = true
    return replyLocally(request, bucket, this.#host, (slot) => this.#owner.slotSettled(slot))
  }

  /** memcached's ASCII authentication is a set, whatever the key; all else is refused. */
  #takeUnauthorized(request: MemcachedRequest): ReplySlot {
    if (request.op === Op.Set && request.dialect === Dialect.Text && !request.noreply) {
      const value = request.buf.subarray(request.valueStart, request.valueEnd)
      const answer = this.#conversation().answerAscii(value)
      if (answer !== undefined) return this.#answerLogin(request, answer)
    }
    return unauthorized(request)
  }

  #answerLogin(request: MemcachedRequest, answer: LoginAnswer): ReplySlot {
    const { bucket, last } = answer
    if (bucket !== undefined) this.#bucket = bucket
    if (last) this.ending = true
    return takeLogin(this.#owner, request, answer)
  }

  #conversation(): LoginConversation {
    this.#login ??= new LoginConversation(this.#host, this.#owner.remoteAddress)
    return this.#login
  }
}
