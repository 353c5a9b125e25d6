/**
 * Reads some items of a bucket for a person who looks at it: single ones from the primaries of
 * their shards, pages from replicas. Each call opens the connections that it needs and closes
 * them, and is bounded in time, keys and bytes; a page that meets a bound is short and says where
 * to go on.
 */
import { shardOfVbucket, TAG_PREFIXES, vbucketOf } from '@holdfast/topology'
import { EngineItems } from '../backup/engine-items.ts'
import type { ShardItem } from '../backup/shard-frames.ts'
import { copiesToRead, type ShardCopy } from '../backup/shard-source.ts'
import type { Bucket, ClusterDocument } from '../document/cluster-document.ts'
import { EngineError } from '../engines/engine-control.ts'
import { cursorText, type PageCursor, parseCursor } from './page-cursor.ts'
import type { ItemPage, ItemQuestion, StoredItem } from './session-browser.ts'

/** One page takes no longer than this, and what its last portion takes. */
const PAGE_MS_MAX = 1500
/** Keys that one page goes through. */
const PAGE_KEYS_MAX = 20_000
/** Values that one page holds together; a single one may be larger. */
const PAGE_BYTES_MAX: number = 4 * 1024 * 1024
/** Values asked for at once. */
const READ_KEYS_MAX = 200

/** What is read. */
export interface PagedBucket {
  document: ClusterDocument
  bucket: Bucket
  self: number
  isLive(member: number): boolean
}

/** Those of the items that are there. Throws {@link EngineError} when a shard cannot be read. */
export async function readItems(
  paged: PagedBucket,
  keys: readonly string[],
): Promise<StoredItem[]> {
  const byShard = new Map<number, Buffer[]>()
  for (const key of keys) {
    const bytes = Buffer.from(key)
    const vBucket = vbucketOf(bytes)
    const shard = shardOfVbucket(vBucket, paged.bucket.shards.length)
    const tag = TAG_PREFIXES[vBucket] ?? Buffer.alloc(0)
    byShard.set(shard, [...(byShard.get(shard) ?? []), Buffer.concat([tag, bytes])])
  }
  const found = await Promise.all(
    [...byShard].map(([shard, engineKeys]) => {
      // What was just ended or stored is to be seen so.
      const copies = copiesOf(paged, shard).reverse()
      return withCopy(paged, copies, (items) => itemsInPortions(items, engineKeys))
    }),
  )
  return found.flat().map(storedItem)
}

/** A page of those items that the question accepts. */
export async function readPage(paged: PagedBucket, question: ItemQuestion): Promise<ItemPage> {
  const page = new Page(paged, question)
  let cursor: PageCursor | null = parseCursor(question.start)
  while (cursor !== null && !page.isFull) cursor = await page.readShard(cursor)
  return page.outcome(cursor)
}

class Page {
  readonly #paged: PagedBucket
  readonly #question: ItemQuestion
  readonly #deadlineMs: number = performance.now() + PAGE_MS_MAX
  /** By key: a copy that fails in the middle is followed by another one. */
  readonly #found = new Map<string, StoredItem>()
  readonly #missing: number[] = []
  #keys = 0
  #bytes = 0

  constructor(paged: PagedBucket, question: ItemQuestion) {
    this.#paged = paged
    this.#question = question
  }

  get isFull(): boolean {
    const { limit } = this.#question
    if (this.#found.size >= limit || this.#bytes >= PAGE_BYTES_MAX) return true
    return this.#keys >= PAGE_KEYS_MAX || performance.now() >= this.#deadlineMs
  }

  outcome(cursor: PageCursor | null): ItemPage {
    const next = cursor === null ? null : cursorText(cursor)
    return { items: [...this.#found.values()], next, missingShards: this.#missing }
  }

  /** Reads on in a shard; the place to go on at, null at the end of the bucket. */
  async readShard(from: PageCursor): Promise<PageCursor | null> {
    const { shards } = this.#paged.bucket
    if (shards[from.shard] === undefined) return null
    const copies = copiesOf(this.#paged, from.shard)
    const known = copies.filter((copy) => copy.member === from.member)
    const others = copies.filter((copy) => copy.member !== from.member)
    try {
      return await withCopy(this.#paged, [...known, ...others], (items, copy) => {
        const fresh = { shard: from.shard, member: copy.member, scan: '0', skip: 0 }
        return this.#read(items, copy.member === from.member ? from : fresh)
      })
    } catch (error) {
      if (!(error instanceof EngineError)) throw error
      if (!this.#missing.includes(from.shard)) this.#missing.push(from.shard)
      return this.#behind(from)
    }
  }

  async #read(items: EngineItems, from: PageCursor): Promise<PageCursor | null> {
    let at = from
    do {
      const [next, keys] = await items.scan(at.scan)
      const taken = await this.#take(items, keys, at.skip)
      this.#keys += keys.length - at.skip
      if (taken < keys.length) return { ...at, skip: taken }
      at = { ...at, scan: next, skip: 0 }
      if (next === '0') return this.#behind(at)
    } while (!this.isFull)
    return at
  }

  /** Takes what is accepted of a portion; gives the place of the first key that had no room. */
  async #take(items: EngineItems, keys: readonly Buffer[], skip: number): Promise<number> {
    const { limit, headBytes, accepts } = this.#question
    const heads = await items.heads(keys.slice(skip), headBytes)
    const wanted: Buffer[] = []
    let end = keys.length
    for (const [offset, head] of heads.entries()) {
      if (head === undefined || !accepts(head.key.toString('latin1'), head.head)) continue
      if (this.#found.size + wanted.length >= limit || this.#bytes >= PAGE_BYTES_MAX) {
        end = skip + offset
        break
      }
      const key = keys[skip + offset]
      if (key !== undefined) wanted.push(key)
      this.#bytes += head.valueBytes
    }
    for (const item of (await items.items(wanted)).map(storedItem)) this.#found.set(item.key, item)
    return end
  }

  #behind({ shard }: PageCursor): PageCursor | null {
    if (shard + 1 >= this.#paged.bucket.shards.length) return null
    return { shard: shard + 1, member: 0, scan: '0', skip: 0 }
  }
}

/** The copies of a shard, replicas first. */
function copiesOf({ document, bucket, self, isLive }: PagedBucket, shard: number): ShardCopy[] {
  return copiesToRead(document, bucket, shard, { self, isLive })
}

/** Does it with the first copy that can be connected to. */
async function withCopy<T>(
  { bucket }: PagedBucket,
  copies: readonly ShardCopy[],
  work: (items: EngineItems, copy: ShardCopy) => Promise<T>,
): Promise<T> {
  const failures: string[] = []
  for (const copy of copies) {
    const items = new EngineItems({ ...copy, password: bucket.engineAdminPassword })
    try {
      await items.connect()
      return await work(items, copy)
    } catch (error) {
      if (!(error instanceof EngineError)) throw error
      failures.push(error.message)
    } finally {
      items.close()
    }
  }
  throw new EngineError(`no copy can be read: ${failures.join('; ') || 'none is known'}`)
}

async function itemsInPortions(items: EngineItems, keys: readonly Buffer[]): Promise<ShardItem[]> {
  const found: ShardItem[] = []
  for (let start = 0; start < keys.length; start += READ_KEYS_MAX) {
    found.push(...(await items.items(keys.slice(start, start + READ_KEYS_MAX))))
  }
  return found
}

function storedItem({ key, value, expiresAtMs }: ShardItem): StoredItem {
  return { key: key.toString('latin1'), value, expiresAtMs }
}
