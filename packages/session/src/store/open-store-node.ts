/*
 * From a configured node to the node itself: a client of one memcached server or proxy, or of a
 * bucket that is read without a proxy.
 */
import { addressOf, BucketItems, type ItemClient, MemcachedClient } from '@holdfast/client'
import type { SessionSettings } from '../options.ts'
import type { StoreTarget } from './memcached-nodes.ts'
import { StoreNode } from './store-node.ts'

/** What a node is called in health, logs and metrics; holds no credentials. */
export function storeNodeName(target: StoreTarget): string {
  return 'urls' in target ? target.urls.join() : addressOf(target)
}

export function openStoreNode(target: StoreTarget, settings: SessionSettings): StoreNode {
  const { operationTimeoutMs, storeWaitMs, logger, observer } = settings
  return new StoreNode({
    id: target.id,
    address: storeNodeName(target),
    client: openClient(target, settings),
    operationTimeoutMs,
    storeWaitMs,
    logger,
    observer,
  })
}

function openClient(target: StoreTarget, settings: SessionSettings): ItemClient {
  const { operationTimeoutMs, storeWaitMs, protocol, credentials, logger } = settings
  if ('urls' in target) {
    return new BucketItems({
      urls: target.urls,
      credentials,
      timeoutMs: operationTimeoutMs,
      awayAfterMs: storeWaitMs,
      lazy: !settings.enabled,
      log: (level, message, fields) => logger[level](fields, message),
    })
  }
  return new MemcachedClient({
    host: target.host,
    port: target.port,
    protocol,
    credentials,
    timeoutMs: operationTimeoutMs,
    connectTimeoutMs: storeWaitMs,
    awayAfterMs: storeWaitMs,
  })
}
