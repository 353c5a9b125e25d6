/**
 * Which proxies are told the engines of a bucket, the credentials for its data and what its logins
 * are checked against: the node's own gateway and whoever asks as the admin; proxies with the
 * cluster's proxy token; with the password of the bucket; and those on this machine, for whom the
 * engines are within reach anyway. All others route by the vBucket map and never see an engine.
 * Decides only.
 */

import type { Bucket } from '../document/cluster-document.ts'
import { isLoopback } from '../document/first-admin.ts'
import { isOpen } from './access.ts'
import type { RouteContext } from './route.ts'

/** Sent by Holdfast's proxies; the value is their version. */
export const PROXY_HEADER = 'x-holdfast-proxy'

type Asked = Pick<RouteContext, 'request' | 'caller'>

/** One of Holdfast's proxies, as it says. */
export function isProxy({ request }: Asked): boolean {
  return request.headers[PROXY_HEADER] !== undefined
}

/** Whether the caller, who may read about the bucket, is told its engines as well. */
export function mayRoute(asked: Asked, bucket: Bucket): boolean {
  const { caller, request } = asked
  if (!isProxy(asked) || caller.readOnly) return false
  return caller.admin || caller.proxy || !isOpen(bucket) || isFromHere(request)
}

/** From this machine, and not passed on by a server for someone else. */
function isFromHere({ headers, socket }: Asked['request']): boolean {
  if (headers['x-forwarded-for'] !== undefined || headers.forwarded !== undefined) return false
  const remote = bare(socket.remoteAddress)
  return remote !== '' && (isLoopback(remote) || remote === bare(socket.localAddress))
}

/** An IPv4 address that came in by IPv6 is itself. */
function bare(address: string | undefined): string {
  return (address ?? '').replace(/^::ffff:/, '')
}
