/** What has happened between two looks at the topology, in sentences. Pure. */
import { nodeWords } from '../../node-words.ts'
import { counted } from '../../parts/units.ts'
import type { Topology, TopologyBucket } from '../../rest/types.ts'

export function changesBetween(before: Topology, after: Topology): string[] {
  const names = new Map(
    [...before.nodes, ...after.nodes].map(({ otpNode, hostname }) => [otpNode, hostname]),
  )
  const nameOf = (otpNode: string | null): string =>
    otpNode === null ? 'nowhere' : (names.get(otpNode) ?? otpNode)
  return [
    ...nodeChanges(before, after),
    ...after.buckets.flatMap((bucket) => {
      const old = before.buckets.find(({ name }) => name === bucket.name)
      return old ? bucketChanges(old, bucket, nameOf) : [`Bucket ${bucket.name} is there.`]
    }),
    ...before.buckets
      .filter(({ name }) => !after.buckets.some((b) => b.name === name))
      .map(({ name }) => `Bucket ${name} is gone.`),
  ]
}

function nodeChanges(before: Topology, after: Topology): string[] {
  const sentences: string[] = []
  for (const node of after.nodes) {
    const old = before.nodes.find(({ otpNode }) => otpNode === node.otpNode)
    const { word } = nodeWords(node)
    if (!old) sentences.push(`Server ${node.hostname} has come: ${word}.`)
    else if (nodeWords(old).word !== word) sentences.push(`Server ${node.hostname}: ${word}.`)
    if (node.isLeader && old && !old.isLeader) sentences.push(`${node.hostname} leads.`)
  }
  for (const { otpNode, hostname } of before.nodes) {
    const isGone = !after.nodes.some((n) => n.otpNode === otpNode)
    if (isGone) sentences.push(`Server ${hostname} has left the cluster.`)
  }
  return sentences
}

function bucketChanges(
  before: TopologyBucket,
  after: TopologyBucket,
  nameOf: (otpNode: string | null) => string,
): string[] {
  const moved = new Map<string, number>()
  const made = new Map<string, number>()
  const lost = new Map<string, number>()
  const add = (to: Map<string, number>, key: string): void => {
    to.set(key, (to.get(key) ?? 0) + 1)
  }
  for (const [index, shard] of after.shards.entries()) {
    const old = before.shards[index]
    if (!old) continue
    if (old.primary !== shard.primary) {
      add(moved, `from ${nameOf(old.primary)} to ${nameOf(shard.primary)}`)
    }
    for (const copy of shard.copies) {
      const had = old.copies.find((one) => one.otpNode === copy.otpNode)
      if (copy.inSync && had?.inSync !== true) add(made, nameOf(copy.otpNode))
    }
    for (const { otpNode } of old.copies) {
      if (!shard.copies.some((one) => one.otpNode === otpNode)) add(lost, nameOf(otpNode))
    }
  }
  const { name } = after
  const primaries = (number: number): string => counted(number, 'primary', 'primaries')
  const copies = (number: number): string => counted(number, 'copy', 'copies')
  return [
    ...[...moved].map(([way, number]) => `${name}: ${primaries(number)} moved ${way}.`),
    ...[...made].map(([node, number]) => `${name}: ${copies(number)} in sync on ${node}.`),
    ...[...lost].map(([node, number]) => `${name}: ${copies(number)} less on ${node}.`),
  ]
}
