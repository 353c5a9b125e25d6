/**
 * The configs that clients of a vBucket port are told: of a bucket, and of the cluster for whoever
 * has chosen none. Made from the config that the store sends its proxies, without what is only for
 * those. Pure.
 *
 * Clients take the node list in the order of the server list, so nodes stand in that order, and
 * take a config that names no node at all badly: there is always at least this node.
 */
import type { BucketConfig, BucketNode } from '@holdfast/topology'

/** Where this node is, as far as it is known without a config. */
export interface OwnPlace {
  host: string
  port: number
  /** Of REST; undefined when it is not known. */
  managementPort: number | undefined
}

/** A config as it goes out. */
export interface PublishedConfig {
  epoch: number
  rev: number
  json: string
  /** Equal as long as clients have nothing new to learn, whatever the revision. */
  content: string
}

/** The config of a bucket, with what requests are judged by. */
export interface PublishedBucket extends PublishedConfig {
  config: BucketConfig
  /** Index of this node in the server list, -1 when it holds nothing of the bucket. */
  self: number
}

/** Of configs without one: those of a store of this build. */
const EPOCH = 1
const CAPABILITIES = ['cccp', 'nodesExt', 'touch']

interface Place {
  host: string
  kv: number
  node: BucketNode | undefined
}

/** The config of a bucket. */
export function publishBucket(config: BucketConfig, own: OwnPlace): PublishedBucket {
  const { serverList, nodes } = config
  const self = selfIn(config, own)
  const places = placesOf(config)
  const ownAddress = serverList[self] ?? `${own.host}:${own.port}`
  const path = encodeURIComponent(config.name)
  const told = {
    name: config.name,
    uuid: config.uuid ?? '',
    bucketType: config.bucketType,
    nodeLocator: config.nodeLocator,
    bucketCapabilitiesVer: '',
    bucketCapabilities: capabilitiesOf(config),
    uri: `/pools/default/buckets/${path}`,
    streamingUri: `/pools/default/bucketsStreaming/${path}`,
    nodes: places.flatMap(({ node }) => (node === undefined ? [] : [shownNode(node)])),
    nodesExt: extended(places, ownAddress, own),
    ...(config.nodeLocator === 'vbucket'
      ? {
          vBucketServerMap: {
            hashAlgorithm: 'CRC',
            numReplicas: config.numReplicas,
            serverList,
            vBucketMap: config.vBucketMap,
            ...(config.vBucketMapForward && { vBucketMapForward: config.vBucketMapForward }),
          },
        }
      : {}),
  }
  // A node list of none, beside one that is extended, is nothing to go by.
  const shown = nodes.length === 0 ? { ...told, nodes: undefined } : told
  return { ...publish(shown, versionOf(config)), config, self }
}

/** The config of the cluster, by that of one of its buckets if there is any. */
export function publishCluster(config: BucketConfig | undefined, own: OwnPlace): PublishedConfig {
  if (config === undefined) {
    return publish({ nodesExt: extended([], '', own) }, { epoch: EPOCH, rev: 1 })
  }
  const ownAddress = config.serverList[selfIn(config, own)] ?? `${own.host}:${own.port}`
  return publish({ nodesExt: extended(placesOf(config), ownAddress, own) }, versionOf(config))
}

/** Clients refuse by themselves what a bucket without replicated writes cannot promise. */
function capabilitiesOf({ holdfast }: BucketConfig): string[] {
  return holdfast?.durability === 'none' ? CAPABILITIES : [...CAPABILITIES, 'durableWrite']
}

/** Whether `one` came after `other`. */
export function isNewer(one: BucketConfig, other: BucketConfig): boolean {
  const [a, b] = [versionOf(one), versionOf(other)]
  return a.epoch === b.epoch ? a.rev > b.rev : a.epoch > b.epoch
}

function publish(told: object, version: { epoch: number; rev: number }): PublishedConfig {
  const { epoch, rev } = version
  const json = JSON.stringify({ rev, revEpoch: epoch, ...told })
  return { epoch, rev, json, content: JSON.stringify(told) }
}

function versionOf(config: BucketConfig): { epoch: number; rev: number } {
  if (config.rev !== null) return { epoch: config.revEpoch || EPOCH, rev: config.rev }
  return { epoch: EPOCH, rev: config.holdfast?.rev ?? 1 }
}

function selfIn({ nodes, serverList }: BucketConfig, own: OwnPlace): number {
  const node = nodes.find(({ thisNode }) => thisNode === true)
  if (node !== undefined) return serverList.indexOf(`${hostOf(node.hostname)}:${node.ports.direct}`)
  return serverList.indexOf(`${own.host}:${own.port}`)
}

/** The servers of the list, in its order, then what else takes part. */
function placesOf({ nodes, serverList }: BucketConfig): Place[] {
  const served = serverList.map((address) => {
    const host = hostOf(address)
    const kv = portOf(address)
    const node = nodes.find((one) => hostOf(one.hostname) === host && one.ports.direct === kv)
    return { host, kv, node }
  })
  const others = nodes.filter((node) => {
    const isServed = served.some((place) => place.node === node)
    return !isServed && node.clusterMembership === 'active' && node.ports.direct > 0
  })
  return [
    ...served,
    ...others.map((node) => ({ host: hostOf(node.hostname), kv: node.ports.direct, node })),
  ]
}

function extended(places: readonly Place[], ownAddress: string, own: OwnPlace): object[] {
  const listed = places.map(({ host, kv, node }) => ({
    services: { ...(node && { mgmt: portOf(node.hostname) }), kv },
    ...(`${host}:${kv}` === ownAddress ? { thisNode: true } : {}),
    hostname: bare(host),
  }))
  if (listed.some((entry) => 'thisNode' in entry)) return listed
  const { host, port, managementPort } = own
  const services = { ...(managementPort !== undefined && { mgmt: managementPort }), kv: port }
  return [...listed, { services, thisNode: true, hostname: bare(host) }]
}

function shownNode({ hostname, status, clusterMembership, ports, thisNode }: BucketNode): object {
  return { hostname, status, clusterMembership, ports, ...(thisNode && { thisNode }) }
}

function hostOf(address: string): string {
  return address.replace(/:\d+$/, '')
}

function portOf(address: string): number {
  return Number(/:(\d+)$/.exec(address)?.[1] ?? 0)
}

/** Without the brackets of an IPv6 address. */
function bare(host: string): string {
  return host.replace(/^\[|\]$/g, '')
}
