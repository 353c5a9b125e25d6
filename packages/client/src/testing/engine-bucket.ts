/*
 * The config of a Holdfast bucket over test engines, as a store's config server streams it.
 */
import { buildBucketConfig, type HoldfastExtension } from '@holdfast/topology'

const VBUCKETS = 1024

/** The JSON of the config; only its Holdfast part leads anywhere. */
export function engineBucketJson(holdfast: HoldfastExtension): string {
  const bucket = buildBucketConfig({
    name: 'default',
    bucketType: 'membase',
    uuid: 'engines',
    nodes: [],
    serverList: ['127.0.0.1:11210'],
    vBucketMap: Array.from({ length: VBUCKETS }, () => [0]),
    replicaNumber: 0,
    quota: { ram: 1, rawRAM: 1 },
    holdfast,
  })
  return JSON.stringify(bucket)
}
