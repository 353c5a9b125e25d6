/*
 * From a configured node to the node itself: a client of one memcached server or proxy, or of a
 * bucket or a Valkey that is used without a proxy.
 */
import {
  addressOf,
  type ItemClient,
  MemcachedClient,
  openBucketItems,
  openValkeyItems,
  parseValkeyUrl,
} from '@holdfast/client'
import type { SessionSettings } from '../options.ts'
import type { StoreTarget } from './memcached-nodes.ts'
import { StoreNode } from './store-node.ts'

/** What a node is called in health, logs and metrics; holds no credentials. */
function storeNodeName(target: StoreTarget): string {
  if ('urls' in target) return target.urls.join()
  if ('valkeyUrl' in target) return parseValkeyUrl(target.valkeyUrl).addresses.join()
  return addressOf(target)
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
  const bounds = { credentials, timeoutMs: operationTimeoutMs, awayAfterMs: storeWaitMs }
  if ('host' in target) {
    const { host, port } = target
    return new MemcachedClient({ ...bounds, host, port, protocol, connectTimeoutMs: storeWaitMs })
  }
  const direct = {
    ...bounds,
    lazy: !settings.enabled,
    log: (level: 'info' | 'warn', message: string, fields: object) =>
      logger[level](fields, message),
  }
  if ('urls' in target) return openBucketItems({ ...direct, urls: target.urls })
  return openValkeyItems({ ...direct, url: target.valkeyUrl })
}
