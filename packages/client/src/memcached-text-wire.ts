/*
 * The text protocol on one connection. Writes go as meta commands where the server speaks meta,
 * because only these tell the CAS that the write made; everything else as classic commands, which
 * every server and proxy knows.
 *
 * The greeting is `mn`, which a server without meta answers by ERROR; a peer that rather closes the
 * connection is greeted by `version` instead (`askMeta` false). Credentials are sent as memcached's
 * ASCII authentication has it: a `set` whose value is name and password.
 */
import {
  keyBytes,
  serializeCas,
  serializeDelete,
  serializeDelta,
  serializeGat,
  serializeGet,
  serializeStore,
  serializeTouch,
  serializeVersion,
  type TextReply,
  TextReplyParser,
} from '@holdfast/protocol'
import type {
  MemcachedAnswer,
  MemcachedCommand,
  MemcachedCredentials,
  MemcachedWire,
  MemcachedWireOwner,
} from './memcached-command.ts'

export interface TextWireOptions {
  credentials: MemcachedCredentials | undefined
  askMeta: boolean
  valueBytesMax: number | undefined
}

const META_NOOP: Buffer = Buffer.from('mn\r\n')
const LINE_END: Buffer = Buffer.from('\r\n')
const META_MODES = { set: 'S', add: 'E', replace: 'R', cas: 'S' } as const

type StoreName = keyof typeof META_MODES

export class TextWire implements MemcachedWire {
  readonly #options: TextWireOptions
  readonly #owner: MemcachedWireOwner
  readonly #parser: TextReplyParser
  #state: 'login' | 'greeting' | 'ready' = 'greeting'
  #meta = false

  constructor(options: TextWireOptions, owner: MemcachedWireOwner) {
    this.#options = options
    this.#owner = owner
    const { valueBytesMax } = options
    this.#parser = new TextReplyParser(valueBytesMax === undefined ? {} : { valueBytesMax })
  }

  begin(): void {
    const { credentials } = this.#options
    if (credentials === undefined) {
      this.#greet()
      return
    }
    this.#state = 'login'
    const login = Buffer.from(`${credentials.username} ${credentials.password}`)
    this.#owner.send(serializeStore('set', 'auth', login))
  }

  read(chunk: Buffer): void {
    this.#parser.push(chunk, (reply) => {
      if (this.#state === 'ready') {
        const command = this.#owner.oldest()
        this.#owner.answered(command === undefined ? UNASKED : answerOf(command, reply))
      } else this.#greeted(reply)
    })
  }

  write(command: MemcachedCommand): Buffer {
    const { name, key, value, flags, exptime } = command
    if (PLAIN_KEY.test(key)) {
      const line = plainLine(command, this.#meta)
      if (line !== undefined) return withValue(line, command)
    }
    switch (name) {
      case 'get':
      case 'gets':
        return serializeGet([key], name === 'gets')
      case 'gat':
      case 'gats':
        return serializeGat([key], exptime, name === 'gats')
      case 'set':
      case 'add':
      case 'replace':
        if (this.#meta) return metaStore(command, name)
        return serializeStore(name, key, value, { flags, exptime })
      case 'cas':
        if (this.#meta) return metaStore(command, name)
        return serializeCas(key, value, command.cas, { flags, exptime })
      case 'delete':
        return serializeDelete(key)
      case 'touch':
        return serializeTouch(key, exptime)
      case 'incr':
        return serializeDelta('incr', key, command.delta)
      case 'version':
        return serializeVersion()
    }
  }

  #greet(): void {
    this.#state = 'greeting'
    this.#owner.send(this.#options.askMeta ? META_NOOP : serializeVersion())
  }

  #greeted(reply: TextReply): void {
    if (this.#state === 'login') {
      if (reply.type === 'status' && reply.status === 'STORED') this.#greet()
      else this.#owner.wireRefused('the server refused the credentials')
      return
    }
    if (reply.type === 'error' && /unauth/i.test(reply.message)) {
      this.#owner.wireRefused('the server wants a login')
      return
    }
    this.#meta = reply.type === 'meta' && reply.code === 'MN'
    this.#state = 'ready'
    this.#owner.wireReady()
  }
}

/** Keys that are sent as they are, which spares their bytes a check one by one. */
const PLAIN_KEY = /^[\x21-\x7e]{1,250}$/

/** The line of the commands that sessions are made of; undefined: another command. */
function plainLine(command: MemcachedCommand, meta: boolean): string | undefined {
  const { name, key, value, flags, exptime } = command
  switch (name) {
    case 'gets':
      return `gets ${key}\r\n`
    case 'gats':
      return `gats ${exptime} ${key}\r\n`
    case 'touch':
      return `touch ${key} ${exptime}\r\n`
    case 'delete':
      return `delete ${key}\r\n`
    case 'set':
    case 'add':
      if (!meta) return `${name} ${key} ${flags} ${exptime} ${value.length}\r\n`
      return `ms ${key} ${metaWords(command, name)}`
    case 'cas':
      return meta ? `ms ${key} ${metaWords(command, name)}` : undefined
    default:
      return undefined
  }
}

function withValue(line: string, { name, value }: MemcachedCommand): Buffer {
  if (name !== 'set' && name !== 'add' && name !== 'cas') return Buffer.from(line, 'latin1')
  const bytes = Buffer.allocUnsafe(line.length + value.length + 2)
  bytes.write(line, 0, 'latin1')
  value.copy(bytes, line.length)
  LINE_END.copy(bytes, line.length + value.length)
  return bytes
}

const UNASKED: MemcachedAnswer = { type: 'error', kind: 'ERROR', message: '' }

function metaStore(command: MemcachedCommand, name: StoreName): Buffer {
  const { key, value } = command
  const words = Buffer.from(` ${metaWords(command, name)}`)
  return Buffer.concat([Buffer.from('ms '), keyBytes(key), words, value, LINE_END])
}

function metaWords({ value, flags, exptime, cas }: MemcachedCommand, name: StoreName): string {
  if (name === 'cas' && !/^[0-9]{1,20}$/.test(cas)) throw new TypeError('cas is not a number')
  const compare = name === 'cas' ? ` C${cas}` : ''
  return `${value.length} c M${META_MODES[name]} T${exptime} F${flags}${compare}\r\n`
}

/** Undefined kinds of answer are reported as an error of the server. */
function answerOf(command: MemcachedCommand, reply: TextReply): MemcachedAnswer {
  switch (reply.type) {
    case 'values': {
      const [item] = reply.items
      if (item === undefined) return { type: 'missed' }
      return { type: 'found', value: item.value, flags: item.flags, cas: item.cas }
    }
    case 'status':
      return statusAnswer(command, reply.status)
    case 'meta':
      return metaAnswer(command, reply.code, reply.flags)
    case 'number':
      return { type: 'counted', value: reply.value }
    case 'version':
      return { type: 'version', version: reply.version }
    case 'error':
      return { type: 'error', kind: reply.kind, message: reply.message }
    case 'stats':
      return unexpected('STAT')
  }
}

function statusAnswer(command: MemcachedCommand, status: string): MemcachedAnswer {
  switch (status) {
    case 'STORED':
    case 'EXISTS':
      return { type: 'wrote', outcome: status, cas: undefined }
    case 'NOT_STORED':
      return { type: 'wrote', outcome: notStored(command), cas: undefined }
    case 'NOT_FOUND':
      if (command.name !== 'cas') return { type: 'missed' }
      return { type: 'wrote', outcome: 'NOT_FOUND', cas: undefined }
    case 'DELETED':
    case 'TOUCHED':
      return { type: 'done' }
    default:
      return unexpected(status)
  }
}

function metaAnswer(command: MemcachedCommand, code: string, flags: string): MemcachedAnswer {
  if (code === 'HD') {
    return { type: 'wrote', outcome: 'STORED', cas: /(?:^| )c([1-9]\d*)/.exec(flags)?.[1] }
  }
  if (code === 'EX') return { type: 'wrote', outcome: 'EXISTS', cas: undefined }
  if (code === 'NF') return { type: 'wrote', outcome: 'NOT_FOUND', cas: undefined }
  if (code === 'NS') return { type: 'wrote', outcome: notStored(command), cas: undefined }
  return unexpected(code)
}

function notStored(command: MemcachedCommand): 'EXISTS' | 'NOT_FOUND' {
  return command.name === 'replace' ? 'NOT_FOUND' : 'EXISTS'
}

function unexpected(word: string): MemcachedAnswer {
  return { type: 'error', kind: 'SERVER_ERROR', message: `(unexpected ${word})` }
}
