/**
 * A conversation at a vBucket port, with clients of Membase's time (a login is the choice of a
 * bucket, configs come by HTTP) and of Couchbase's (HELLO, SELECT_BUCKET, configs over this very
 * connection). Items are asked for by vBucket: what is not on this node is refused with the map.
 * What is carried out goes through the bucket's backend, as everywhere.
 *
 * A client that has chosen a bucket, and says it can be told, is told of each new map.
 */
import { Operation, type ReplySlot } from '@holdfast/client'
import { BinaryStatus, Extra, type MemcachedRequest, Op } from '@holdfast/protocol'
import type { Bucket } from '../bucket.ts'
import type { Conversation, ConversationOwner } from '../conversation.ts'
import { type LocalSource, replyLocally, StatusReply } from '../local-replies.ts'
import { LoginConversation } from '../login-conversation.ts'
import { takeLogin } from '../login-reply.ts'
import type { UpstreamHost } from '../upstream-host.ts'
import { ERROR_MAP } from './error-map.ts'
import { agreedFeatures, Feature, listedFeatures } from './features.ts'
import { lockSeconds } from './lock-watch.ts'
import type { PublishedBucket, PublishedConfig } from './published-config.ts'
import { isHere, judgeRequest, replicasOfMajority } from './request-rules.ts'
import type { DataPort } from './vbucket-port.ts'
import { MetaReply, ObserveReply, ValueReply, writeMapChange } from './vbucket-replies.ts'
import { vBucketStats } from './vbucket-stats.ts'

/** Chooses no bucket, in the words of Couchbase's clients. */
const NO_BUCKET = '@no bucket@'

export class DataConversation implements Conversation {
  ending = false
  readonly #port: DataPort
  readonly #host: UpstreamHost
  readonly #owner: ConversationOwner
  readonly #login: LoginConversation
  readonly #local: LocalSource
  #features: ReadonlySet<number> = new Set()
  /** The bucket of the login, which opens it. */
  #user: Bucket | undefined = undefined
  /** The admin may choose any bucket. */
  #isAdmin = false
  #selected: Bucket | undefined = undefined
  /** What the client knows of the map, by the content of its config. */
  #told: string | undefined = undefined

  constructor(port: DataPort, host: UpstreamHost, owner: ConversationOwner) {
    this.#port = port
    this.#host = host
    this.#owner = owner
    this.#login = new LoginConversation(host, owner.remoteAddress, true)
    this.#local = {
      delayedFlushes: host.delayedFlushes,
      stats: (args, bucket) => {
        const published = port.published(bucket)
        const answer = published && vBucketStats(args, published)
        return answer ?? host.stats(args, bucket)
      },
    }
  }

  get bucket(): Bucket | undefined {
    if (this.#features.has(Feature.SelectBucket)) return this.#selected
    return this.#selected ?? this.#user ?? this.#host.directory.anonymous
  }

  take(request: MemcachedRequest, deadlineMs: number): ReplySlot {
    const { op } = request
    if (request.keyCount > 0 && (op < Op.SaslMechanisms || op >= Op.GetMeta)) {
      return this.#takeKeyed(request, deadlineMs)
    }
    if (op !== Op.Invalid && op !== Op.FlushAll) this.#owner.statistics.countLocal(op)
    switch (op) {
      case Op.SaslMechanisms:
      case Op.SaslAuth:
      case Op.SaslStep:
        return this.#answerLogin(request)
      case Op.Hello:
        return this.#hello(request)
      case Op.SelectBucket:
        return this.#select(request)
      case Op.ClusterConfig:
        return this.#config(request)
      case Op.ErrorMap:
        return new ValueReply(request, BinaryStatus.Success, ERROR_MAP)
      case Op.Observe:
        return this.#observe(request, deadlineMs)
      default:
        return this.#takeLocal(request, deadlineMs)
    }
  }

  sweep(): void {
    const isTold = this.#features.has(Feature.MapNotification)
    const isToldBriefly = this.#features.has(Feature.BriefNotification)
    if (!isTold && !isToldBriefly) return
    if (!this.#features.has(Feature.Duplex) || this.#told === undefined) return
    const config = this.#published()
    if (config === undefined || config.content === this.#told) return
    const name = this.bucket?.name ?? ''
    const isOut = this.#owner.tell((writer) => writeMapChange(writer, name, config, isToldBriefly))
    if (!isOut) return
    this.#told = config.content
    this.#owner.statistics.mapNotifications++
  }

  #takeLocal(request: MemcachedRequest, deadlineMs: number): ReplySlot {
    const { op } = request
    const { bucket } = this
    if (op === Op.Invalid) this.#owner.statistics.invalidRequests++
    if (op === Op.Quit || request.fatal) this.ending = true
    if (bucket === undefined && (op === Op.FlushAll || op === Op.Stats)) {
      return new StatusReply(request, this.#withoutBucket())
    }
    if (op === Op.FlushAll && request.exptime === 0 && bucket !== undefined) {
      const operation = this.#operation(request, bucket, deadlineMs)
      bucket.backend.submit(operation)
      return operation
    }
    return replyLocally(request, bucket, this.#local, (slot) => this.#owner.slotSettled(slot))
  }

  #takeKeyed(request: MemcachedRequest, deadlineMs: number): ReplySlot {
    const { bucket } = this
    if (bucket === undefined) return new StatusReply(request, this.#withoutBucket())
    this.#owner.countFor(bucket.statistics)
    const published = this.#port.published(bucket)
    if (published === undefined) return new StatusReply(request, BinaryStatus.TemporaryFailure)
    const status = judgeRequest(request, published)
    if (status === BinaryStatus.NotMyVBucket) return this.#refuseVBucket(request, published)
    if (status !== BinaryStatus.Success) return new StatusReply(request, status)
    if (request.op === Op.GetMeta) return this.#getMeta(request, bucket, deadlineMs)
    const operation = this.#operation(request, bucket, deadlineMs)
    this.#prepare(operation, request, bucket, published)
    bucket.backend.submit(operation)
    return operation
  }

  #operation(request: MemcachedRequest, bucket: Bucket, deadlineMs: number): Operation {
    const operation = new Operation(this.#owner, deadlineMs).take(request, 0)
    // Only engines' operations tell whether they were sent.
    operation.direct = bucket.config?.holdfast != null
    operation.extendedErrors = this.#features.has(Feature.ExtendedErrors)
    return operation
  }

  #prepare(
    operation: Operation,
    request: MemcachedRequest,
    bucket: Bucket,
    published: PublishedBucket,
  ): void {
    if (request.op === Op.GetReplica) operation.kind = Op.Gets
    if (request.durabilityLevel > 0) {
      operation.replicasWanted = replicasOfMajority(published.config)
    }
    if (request.op === Op.GetLocked) {
      operation.exptime = lockSeconds(request.exptime)
      this.#port.lockGiven(bucket)
    } else if (request.op !== Op.Unlock && !operation.readsOnly) {
      operation.guarded = published.config.holdfast !== null && this.#port.mayBeLocked(bucket)
    }
  }

  /** A look at the item that does not count as one, for its header and its time to live. */
  #getMeta(request: MemcachedRequest, bucket: Bucket, deadlineMs: number): ReplySlot {
    const reply = new MetaReply(request, this.#owner, deadlineMs)
    const { operation } = reply
    operation.direct = true
    operation.kind = Op.Gets
    operation.extras = Extra.WantTtl | Extra.NoValue | Extra.NoAccess
    bucket.backend.submit(operation)
    return reply
  }

  #refuseVBucket(request: MemcachedRequest, published: PublishedBucket): ReplySlot {
    this.#owner.statistics.notMyVBucket++
    this.#told = published.content
    return new ValueReply(request, BinaryStatus.NotMyVBucket, published.json)
  }

  /** The items asked for stand in the value: vBucket, length, key. */
  #observe(request: MemcachedRequest, deadlineMs: number): ReplySlot {
    const { bucket } = this
    const published = bucket && this.#port.published(bucket)
    if (bucket === undefined) return new StatusReply(request, this.#withoutBucket())
    if (published === undefined) return new StatusReply(request, BinaryStatus.TemporaryFailure)
    const { buf, valueEnd } = request
    const reply = new ObserveReply(request, this.#owner, deadlineMs)
    for (let at = request.valueStart; at < valueEnd; ) {
      const keyStart = at + 4
      const keyEnd = keyStart <= valueEnd ? keyStart + buf.readUInt16BE(at + 2) : valueEnd + 1
      if (keyEnd > valueEnd) return new StatusReply(request, BinaryStatus.InvalidArguments)
      const vBucket = buf.readUInt16BE(at)
      if (!isHere(published, vBucket)) return this.#refuseVBucket(request, published)
      const operation = reply.add()
      operation.kind = Op.Gets
      operation.dialect = request.dialect
      operation.buf = buf
      operation.keyStart = keyStart
      operation.keyEnd = keyEnd
      operation.vBucket = vBucket
      at = keyEnd
    }
    for (const operation of reply.operations) bucket.backend.submit(operation)
    return reply
  }

  #hello(request: MemcachedRequest): ReplySlot {
    const { buf, valueStart, valueEnd } = request
    this.#features = agreedFeatures(buf.subarray(valueStart, valueEnd))
    return new ValueReply(request, BinaryStatus.Success, listedFeatures(this.#features))
  }

  #select(request: MemcachedRequest): ReplySlot {
    const { buf, keyStarts, keyEnds, keyCount } = request
    const name = keyCount === 0 ? NO_BUCKET : buf.toString('utf8', keyStarts[0], keyEnds[0])
    if (name === NO_BUCKET) {
      this.#selected = undefined
      this.#told = undefined
      return new StatusReply(request, BinaryStatus.Success)
    }
    const known = this.#host.directory.login(name)
    const isOwn = this.#user?.name === name
    const bucket = isOwn ? this.#user : known?.bucket
    if (bucket === undefined) return new StatusReply(request, BinaryStatus.NoAccess)
    const isFree = isOwn || this.#isAdmin || known?.secret === ''
    if (!isFree) return new StatusReply(request, BinaryStatus.NoAccess)
    this.#selected = bucket
    this.#told = undefined
    this.#owner.countFor(bucket.statistics)
    return new StatusReply(request, BinaryStatus.Success)
  }

  #config(request: MemcachedRequest): ReplySlot {
    const config = this.#published()
    if (config === undefined) {
      const { bucket } = this
      const status = bucket === undefined ? BinaryStatus.NoAccess : BinaryStatus.TemporaryFailure
      return new StatusReply(request, status)
    }
    this.#told = config.content
    const [epoch, rev] = request.args.split(' ').map(Number)
    const isKnown = epoch !== undefined && rev !== undefined && isAtLeast(epoch, rev, config)
    return new ValueReply(request, BinaryStatus.Success, isKnown ? '' : config.json)
  }

  /** What this client may know: of its bucket, else of the cluster if it can get into any bucket. */
  #published(): PublishedConfig | undefined {
    const { bucket } = this
    if (bucket !== undefined) return this.#port.published(bucket)
    const { directory } = this.#host
    const mayKnow = this.#isAdmin || this.#user !== undefined || directory.anonymous !== undefined
    return mayKnow ? this.#port.cluster(directory) : undefined
  }

  #answerLogin(request: MemcachedRequest): ReplySlot {
    const answer = this.#login.answer(request)
    const { bucket, isAdmin = false, last } = answer
    if (bucket !== undefined || isAdmin) {
      this.#user = bucket
      this.#isAdmin = isAdmin
      this.#selected = undefined
    }
    if (last) this.ending = true
    return takeLogin(this.#owner, request, answer)
  }

  #withoutBucket(): number {
    const mayChoose =
      this.#isAdmin || this.#user !== undefined || this.#features.has(Feature.SelectBucket)
    return mayChoose ? BinaryStatus.NoBucket : BinaryStatus.AuthError
  }
}

function isAtLeast(epoch: number, rev: number, config: PublishedConfig): boolean {
  return epoch === config.epoch ? rev >= config.rev : epoch > config.epoch
}
