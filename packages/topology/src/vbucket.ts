// Membase's vBucket hash, and how vBuckets are pinned to the engine's slots: an engine key is the
// client's key behind `{tag}`, and the tag of vBucket v hashes to slot 16 * v. The tags are found
// once at load: counting up in base 36, the first string that hits a slot is the tag of its
// vBucket. Every part of the system must agree on them for ever, so tests pin them by checksum.

import { crc16, SLOTS } from './crc16.ts'
import { crc32 } from './crc32.ts'

/** vBuckets of every bucket that Holdfast's store makes. */
export const VBUCKETS = 1024

const SLOTS_PER_VBUCKET: number = SLOTS / VBUCKETS

/** The vBucket of a key; `count` is a power of two. */
export function vbucketOf(
  buf: Uint8Array,
  start = 0,
  end: number = buf.length,
  count: number = VBUCKETS,
): number {
  return (crc32(buf, start, end) >>> 16) & 0x7fff & (count - 1)
}

/** The engine slot that vBucket `v` of 1024 lives in. */
export function slotOfVbucket(v: number): number {
  return SLOTS_PER_VBUCKET * v
}

/** Hash tag of each vBucket. */
export const TAGS: readonly string[] = findTags()

/** `{tag}` of each vBucket: what an engine key begins with. */
export const TAG_PREFIXES: readonly Buffer[] = TAGS.map((tag) => Buffer.from(`{${tag}}`))

function findTags(): string[] {
  const tags: string[] = new Array(VBUCKETS).fill('')
  const bytes = Buffer.alloc(8)
  let left = VBUCKETS
  for (let count = 0; left > 0; count++) {
    const tag = count.toString(36)
    const slot = crc16(bytes, 0, bytes.write(tag, 'latin1')) % SLOTS
    const v = slot / SLOTS_PER_VBUCKET
    if (!Number.isInteger(v) || tags[v] !== '') continue
    tags[v] = tag
    left--
  }
  return tags
}
