/** The state of a node in words. Pure. */
import type { Tone } from './parts/tone.ts'
import type { Membership, NodeStatus } from './rest/types.ts'

export interface NodeWords {
  word: string
  tone: Tone
}

export function nodeWords(node: {
  status: NodeStatus
  clusterMembership: Membership
  arbiter?: boolean
}): NodeWords {
  const { status, clusterMembership } = node
  if (clusterMembership === 'inactiveFailed') {
    return status === 'unhealthy'
      ? { word: 'failed over, down', tone: 'bad' }
      : { word: 'failed over, up', tone: 'warning' }
  }
  if (status === 'unhealthy') return { word: 'does not answer', tone: 'bad' }
  if (clusterMembership === 'inactiveAdded') return { word: 'added, no data yet', tone: 'busy' }
  if (status === 'warmup') return { word: 'warming up', tone: 'warning' }
  return node.arbiter ? { word: 'arbiter, up', tone: 'good' } : { word: 'up', tone: 'good' }
}
