/*
 * The exports `Store` and `MemoryStore`: sessions in this process, for development and tests, as a
 * store with callbacks.
 *
 * A function, not a class: stores for express-session call `Store.call(this)`. It keeps JSON, so
 * that no two requests share an object, and forgets what is expired when it is asked for.
 */
import { EventEmitter } from 'node:events'
import type { SessionStoreMethods } from './held-session.ts'

export interface MemoryStore extends SessionStoreMethods, EventEmitter {
  readonly store: Map<string, string>
}

export interface MemoryStoreConstructor {
  new (store?: Map<string, string>): MemoryStore
  (this: object, store?: Map<string, string>): void
  readonly prototype: MemoryStore
}

function memoryStore(this: object, store: Map<string, string> = new Map()): void {
  EventEmitter.call(this as EventEmitter)
  Object.assign(this, { store })
}

const methods: SessionStoreMethods & ThisType<MemoryStore> = {
  get(id, callback) {
    const text = this.store.get(id)
    const session: unknown = text === undefined ? null : JSON.parse(text)
    process.nextTick(callback, null, session)
  },
  set(id, session, callback) {
    this.store.set(id, JSON.stringify(session))
    process.nextTick(callback)
  },
  destroy(id, callback) {
    this.store.delete(id)
    process.nextTick(callback)
  },
}

memoryStore.prototype = Object.create(EventEmitter.prototype, {
  constructor: { value: memoryStore, writable: true, configurable: true },
})
Object.assign(memoryStore.prototype, methods)

export const MemoryStore: MemoryStoreConstructor = memoryStore as unknown as MemoryStoreConstructor
