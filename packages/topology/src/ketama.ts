// The ways clients of plain memcached servers choose a server for a key, each exactly as its
// original does, so that a proxy beside other clients finds the keys that they stored: moxi's
// (and libmemcached's) weighted ketama, ketama with 100 points, modula, and libvbucket's ketama.
// A ring holds the points in order; the first point at or after the key's hash owns it.

import { hash } from 'node:crypto'
import { md5FirstWord } from './ketama-md5.ts'

/** One server: `host:port`, and its weight, which only the weighted form heeds. */
export interface RingServer {
  name: string
  weight?: number
}

/** Chooses a server: the index in the list that the locator was made from. */
export type KeyLocator = (key: Uint8Array, start?: number, end?: number) => number

/** Most servers of a ring. */
export const RING_SERVERS_MAX = 4096

const DEFAULT_PORT_SUFFIX = ':11211'
const DIGESTS_PER_SERVER = 40
const POINTS_OF_PLAIN_KETAMA = 100

interface Point {
  hash: number
  server: number
}

/** moxi's default: about 160 points per server, in proportion to the weights. */
export function ketamaWeighted(servers: readonly RingServer[]): KeyLocator {
  checkCount(servers)
  const total = servers.reduce((sum, server) => sum + (server.weight ?? 1), 0)
  const points = servers.flatMap((server, index) => {
    const share = (server.weight ?? 1) / total
    const digests = Math.floor(share * DIGESTS_PER_SERVER * servers.length + 1e-10)
    return quadPoints(shortName(server.name), index, digests)
  })
  return ring(points)
}

/** `distribution:ketama`: 100 points per server. */
export function ketamaPlain(servers: readonly RingServer[]): KeyLocator {
  checkCount(servers)
  const points = servers.flatMap((server, index) =>
    Array.from({ length: POINTS_OF_PLAIN_KETAMA }, (_, i) => ({
      hash: md5(Buffer.from(`${shortName(server.name)}-${i}`)).readUInt32LE(0),
      server: index,
    })),
  )
  return ring(points)
}

/** What smart clients do on a memcached bucket: always `host:port`, in the order of the names. */
export function ketamaLibvbucket(servers: readonly RingServer[]): KeyLocator {
  checkCount(servers)
  const points = servers
    .map((server, index) => ({ name: server.name, index }))
    .sort((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)))
    .flatMap(({ name, index }) => quadPoints(name, index, DIGESTS_PER_SERVER))
  return ring(points)
}

/** `distribution:modula`: one-at-a-time hash modulo the number of servers. */
export function modula(servers: readonly RingServer[]): KeyLocator {
  checkCount(servers)
  return (key, start, end) => oneAtATime(key, start, end) % servers.length
}

/** Hash of a key on a ketama ring: the first four bytes of its MD5, little endian. */
export function ketamaHash(key: Uint8Array, start = 0, end: number = key.length): number {
  return md5FirstWord(key, start, end)
}

/** Jenkins' one-at-a-time hash, unsigned 32 bit. */
export function oneAtATime(key: Uint8Array, start = 0, end: number = key.length): number {
  let sum = 0
  for (let at = start; at < end; at++) {
    sum = (sum + (key[at] ?? 0)) | 0
    sum = (sum + (sum << 10)) | 0
    sum ^= sum >>> 6
  }
  sum = (sum + (sum << 3)) | 0
  sum ^= sum >>> 11
  return (sum + (sum << 15)) >>> 0
}

function quadPoints(name: string, server: number, digests: number): Point[] {
  return Array.from({ length: digests }, (_, i) => md5(Buffer.from(`${name}-${i}`))).flatMap(
    (digest) => [0, 4, 8, 12].map((offset) => ({ hash: digest.readUInt32LE(offset), server })),
  )
}

function ring(points: readonly Point[]): KeyLocator {
  const ordered = points.toSorted((a, b) => a.hash - b.hash)
  const hashes = Uint32Array.from(ordered, (point) => point.hash)
  const servers = Uint16Array.from(ordered, (point) => point.server)
  return (key, start = 0, end = key.length) => {
    const wanted = md5FirstWord(key, start, end)
    let low = 0
    let high = hashes.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((hashes[middle] ?? 0) < wanted) low = middle + 1
      else high = middle
    }
    return servers[low === hashes.length ? 0 : low] ?? 0
  }
}

function shortName(name: string): string {
  return name.endsWith(DEFAULT_PORT_SUFFIX) ? name.slice(0, -DEFAULT_PORT_SUFFIX.length) : name
}

function md5(bytes: Uint8Array): Buffer {
  return hash('md5', bytes, 'buffer')
}

function checkCount(servers: readonly RingServer[]): void {
  if (servers.length < 1 || servers.length > RING_SERVERS_MAX) {
    throw new RangeError(`${servers.length} servers: a ring has 1..${RING_SERVERS_MAX}`)
  }
}
