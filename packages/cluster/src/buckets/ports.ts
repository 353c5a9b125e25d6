/** Which ports a bucket may not take for its own: those of members and of other buckets. Pure. */
import type { ClusterDocument } from '../document/cluster-document.ts'

/** The engine's cluster bus listens this far above its port. */
const BUS_PORT_OFFSET = 10_000

/** Every node opens a bucket's port, so it must be free on all of them. */
export function isPortFree(document: ClusterDocument, port: number, bucketUuid: string): boolean {
  const taken = document.buckets.some((b) => b.uuid !== bucketUuid && b.proxyPort === port)
  return (
    !taken &&
    !document.members.some((member) => {
      const { restPort, gatewayPort, dataPort, enginePorts } = member
      const [from, to] = enginePorts
      const isEngine = port >= from && port <= to
      const isBus = port >= from + BUS_PORT_OFFSET && port <= to + BUS_PORT_OFFSET
      // The gateway's own health and metrics are on the port after its own.
      return isEngine || isBus || [restPort, gatewayPort, gatewayPort + 1, dataPort].includes(port)
    })
  )
}
