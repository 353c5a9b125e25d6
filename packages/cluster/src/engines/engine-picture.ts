/** Reads the engine's INFO and CLUSTER NODES texts. Pure. */

/** One line of CLUSTER NODES. */
export interface NodeLine {
  id: string
  address: string
  myself: boolean
  role: 'primary' | 'replica'
  failed: boolean
  handshake: boolean
  primaryId: string
  configEpoch: number
  slots: [number, number][]
}

/** `name:value` lines of INFO. */
export function parseInfo(text: string): Map<string, string> {
  const fields = new Map<string, string>()
  for (const line of text.split('\r\n')) {
    const colon = line.indexOf(':')
    if (colon > 0) fields.set(line.slice(0, colon), line.slice(colon + 1))
  }
  return fields
}

/** Format: id ip:port@bus[,host] flags primary ping pong epoch link slots... */
export function parseClusterNodes(text: string): NodeLine[] {
  return text
    .trim()
    .split('\n')
    .filter((line) => line.length > 0)
    .map((line) => {
      const [id = '', address = '', flagText = '', primary = '-', , , epoch = '0', , ...slots] =
        line.split(' ')
      const flags = flagText.split(',')
      return {
        id,
        address: address.split('@')[0] ?? '',
        myself: flags.includes('myself'),
        role: flags.includes('slave') ? 'replica' : 'primary',
        failed: flags.includes('fail') || flags.includes('noaddr'),
        handshake: flags.includes('handshake'),
        primaryId: primary === '-' ? '' : primary,
        configEpoch: Number(epoch),
        slots: slots.filter((s) => !s.startsWith('[')).map(slotRange),
      }
    })
}

/** What an engine says of itself and of the others. */
export interface ClusterPicture {
  engineId: string
  primaryId: string
  slots: [from: number, to: number][]
  known: { id: string; address: string; failed: boolean }[]
  configEpoch: number
}

/** Null for a text in which the engine does not name itself. */
export function clusterPicture(nodesText: string): ClusterPicture | null {
  const nodes = parseClusterNodes(nodesText)
  const self = nodes.find((n) => n.myself)
  if (!self) return null
  return {
    engineId: self.id,
    primaryId: self.primaryId,
    slots: self.slots,
    known: nodes
      .filter((n) => !n.myself && !n.handshake)
      .map((n) => ({ id: n.id, address: n.address, failed: n.failed })),
    configEpoch: self.configEpoch,
  }
}

/**
 * Whether a takeover would have its effect: a replica claims the slots that it knows its primary to
 * have, none where it has just come, and a primary gives way to those that it knows.
 */
export function couldTakeOver(
  ofReplica: readonly NodeLine[],
  ofPrimary: readonly NodeLine[],
): boolean {
  const replica = ofReplica.find((n) => n.myself)
  const primary = ofPrimary.find((n) => n.myself)
  if (!replica || !primary || primary.slots.length === 0) return false
  const primarySeen = ofReplica.find((n) => n.id === primary.id)
  const replicaSeen = ofPrimary.find((n) => n.id === replica.id && !n.handshake)
  const isFollowed = replica.primaryId === primary.id && replicaSeen?.primaryId === primary.id
  return isFollowed && JSON.stringify(primarySeen?.slots) === JSON.stringify(primary.slots)
}

/** ROLE: `master ...` or `slave host port state offset`. */
export function parseRole(answer: unknown): { role: 'primary' | 'replica'; linkUp: boolean } {
  const fields = Array.isArray(answer) ? answer.map(String) : []
  if (fields[0] === 'master') return { role: 'primary', linkUp: false }
  return { role: 'replica', linkUp: fields[3] === 'connected' }
}

function slotRange(text: string): [number, number] {
  const [from = '', to] = text.split('-')
  return [Number(from), Number(to ?? from)]
}
