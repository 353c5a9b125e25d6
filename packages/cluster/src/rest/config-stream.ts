/**
 * Streams of configs: the JSON at once and after every change, each in one chunk, followed by a
 * chunk of four newlines (the framing of the original). Holdfast's own proxies say so with a
 * header and get a space four times a second, so that silence means that this node is gone. Those
 * that may (proxy-trust.ts) are told the engines too; the others route by the vBucket map, as any
 * client does. A node that has lost its leader ends their streams: its map may
 * be old.
 */

import { buildNodeServices } from '@holdfast/topology'
import type { Bucket } from '../document/cluster-document.ts'
import { localAddressOf } from './inner-request.ts'
import { poolView } from './pool-view.ts'
import { isProxy, mayRoute } from './proxy-trust.ts'
import type { RouteContext } from './route.ts'
import { bucketView, configRevision, nodeServices, terseView, type ViewSource } from './views.ts'

const KEEP_ALIVE_MS = 250
/** What changes without the document, the health of nodes, reaches other readers within this. */
const LOOK_INTERVAL_MS = 1000
/** Without a leader for this long, a stream to a proxy ends. */
const LEADERLESS_MS_MAX = 2000
/** A reader that does not take this much is cut off. */
const BACKLOG_BYTES_MAX = 8 * 1024 * 1024

/** What one stream shows. */
interface Shown {
  /** Null ends the stream. */
  view: () => object | null
  /** What is compared, where the view has members that move all the time. */
  compared?: (view: object) => object
}

/** One bucket; the stream ends with it. */
export function streamBucket(context: RouteContext, bucket: Bucket): void {
  stream(context, {
    view: () => {
      const current = currentOf(context, bucket)
      if (!current) return null
      return bucketView(sourceFor(context), current, { forProxy: mayRoute(context, current) })
    },
    compared: ({ ...view }) => ({ ...view, basicStats: null }),
  })
}

/** One bucket in the terse form; the stream ends with it. */
export function streamTerse(context: RouteContext, bucket: Bucket): void {
  stream(context, {
    view: () => {
      const current = currentOf(context, bucket)
      return current ? terseView(sourceFor(context), current) : null
    },
  })
}

/** All buckets, the bucket `default` first: what a gateway lives on. */
export function streamBuckets(context: RouteContext): void {
  const { node } = context
  const views = (): Record<string, unknown>[] => {
    const source = sourceFor(context)
    const forGateway = context.caller.admin
    const isDefault = (bucket: Bucket): number => (bucket.name === 'default' ? 0 : 1)
    return [...node.document.buckets]
      .sort((a, b) => isDefault(a) - isDefault(b) || a.name.localeCompare(b.name))
      .map((b) => bucketView(source, b, { forProxy: mayRoute(context, b), forGateway }))
  }
  stream(context, {
    view: () => ({ buckets: views() }),
    compared: () => views().map((view) => ({ ...view, basicStats: null })),
  })
}

/** The pool; it is sent again when more than figures have changed. */
export function streamPool(context: RouteContext): void {
  const { admin } = context.caller
  stream(context, {
    view: () => poolView(sourceFor(context), { admin }),
    compared: () => poolView(sourceFor(context), { admin, detail: 'stable' }),
  })
}

/** Members and their ports. */
export function streamNodeServices(context: RouteContext): void {
  stream(context, { view: () => nodeServicesView(sourceFor(context)) })
}

/** The answer of `nodeServices`. */
export function nodeServicesView(source: ViewSource): Record<string, unknown> {
  return buildNodeServices(configRevision(source.document), nodeServices(source))
}

/** The node's view of the cluster as this caller can reach it. */
export function sourceFor({ node, request }: RouteContext): ViewSource {
  const localAddress = localAddressOf(request)
  return { ...node.viewSource(), ...(localAddress === undefined ? {} : { localAddress }) }
}

function currentOf({ node }: RouteContext, bucket: Bucket): Bucket | undefined {
  return node.document.buckets.find((b) => b.uuid === bucket.uuid)
}

function stream(context: RouteContext, shown: Shown): void {
  const { node, reply } = context
  const toProxy = isProxy(context)
  reply.hijack()
  const raw = reply.raw
  raw.writeHead(200, {
    'content-type': 'application/json; charset=utf-8',
    'cache-control': 'no-cache',
    pragma: 'no-cache',
    server: `Membase Server ${node.version} (Holdfast)`,
  })
  let last = ''
  const send = (): void => {
    const view = shown.view()
    if (view === null) {
      raw.end()
      return
    }
    const compared = JSON.stringify(shown.compared?.(view) ?? view)
    if (compared === last) return
    last = compared
    raw.write(JSON.stringify(view))
    raw.write('\n\n\n\n')
    if (raw.writableLength > BACKLOG_BYTES_MAX) raw.destroy()
  }
  let heardLeaderMs = performance.now()
  const keepAlive = (): void => {
    if (node.heartbeats.leader !== null) heardLeaderMs = performance.now()
    if (performance.now() - heardLeaderMs > LEADERLESS_MS_MAX) raw.end()
    else raw.write(' ')
  }
  const timer = setInterval(toProxy ? keepAlive : send, toProxy ? KEEP_ALIVE_MS : LOOK_INTERVAL_MS)
  const stopListening = node.onDocument(send)
  raw.once('close', () => {
    clearInterval(timer)
    stopListening()
  })
  send()
}
