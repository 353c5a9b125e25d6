/**
 * `bucketsStreaming` and, for all buckets in one envelope, `saslBucketsStreaming`: the JSON at once
 * and after every change, each in one chunk, followed by a chunk of four newlines (the framing of
 * the original). Holdfast's own proxies say so with a header; they are told the engines too and get
 * a space four times a second, so that silence means that this node is gone. A node that has lost
 * its leader ends their streams: its map may be old.
 */
import type { Bucket } from '../document/cluster-document.ts'
import type { RouteContext } from './route.ts'
import { bucketView } from './views.ts'

/** Sent by Holdfast's proxies; the value is their version. */
export const PROXY_HEADER = 'x-holdfast-proxy'
const KEEP_ALIVE_MS = 250
/** Without a leader for this long, a stream to a proxy ends. */
const LEADERLESS_MS_MAX = 2000
/** A reader that does not take this much is cut off. */
const BACKLOG_BYTES_MAX = 8 * 1024 * 1024

/** One bucket; the stream ends with it. */
export function streamBucket(context: RouteContext, bucket: Bucket): void {
  const { node, caller } = context
  stream(context, (forProxy) => {
    const current = node.document.buckets.find((b) => b.uuid === bucket.uuid)
    if (!current) return null
    return bucketView(node.viewSource(), current, { forProxy, showPassword: caller.admin })
  })
}

/** All buckets, the bucket `default` first: what a gateway lives on. */
export function streamBuckets(context: RouteContext): void {
  const { node } = context
  stream(context, (forProxy) => {
    const source = node.viewSource()
    const isDefault = (bucket: Bucket): number => (bucket.name === 'default' ? 0 : 1)
    const buckets = [...node.document.buckets].sort(
      (a, b) => isDefault(a) - isDefault(b) || a.name.localeCompare(b.name),
    )
    const views = buckets.map((b) => bucketView(source, b, { forProxy, showPassword: true }))
    return { buckets: views }
  })
}

/** Sends the view now and after every change, until it is null. */
function stream(context: RouteContext, viewOf: (forProxy: boolean) => object | null): void {
  const { node, request, reply } = context
  const forProxy = request.headers[PROXY_HEADER] !== undefined
  reply.hijack()
  const raw = reply.raw
  raw.writeHead(200, {
    'content-type': 'application/json; charset=utf-8',
    'cache-control': 'no-cache',
    pragma: 'no-cache',
  })
  let last = ''
  const send = (): void => {
    const view = viewOf(forProxy)
    if (view === null) {
      raw.end()
      return
    }
    const compared = JSON.stringify(view, (name, value) => {
      return name === 'basicStats' ? undefined : value
    })
    if (compared === last) return
    last = compared
    raw.write(JSON.stringify(view))
    raw.write('\n\n\n\n')
    if (raw.writableLength > BACKLOG_BYTES_MAX) raw.destroy()
  }
  let heardLeaderMs = performance.now()
  const timer = setInterval(() => {
    if (node.heartbeats.leader !== null) heardLeaderMs = performance.now()
    if (!forProxy) return send()
    if (performance.now() - heardLeaderMs > LEADERLESS_MS_MAX) raw.end()
    else raw.write(' ')
  }, KEEP_ALIVE_MS)
  const stopListening = node.onDocument(send)
  raw.once('close', () => {
    clearInterval(timer)
    stopListening()
  })
  send()
}
