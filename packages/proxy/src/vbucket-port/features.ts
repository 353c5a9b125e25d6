/**
 * What HELLO negotiates: which of the features that a client knows a vBucket port has. Mutation
 * sequence numbers are not among them (engines number their writes otherwise), nor data types, nor
 * collections.
 */

/** The features that are acknowledged. */
export const Feature = {
  /** Sockets never wait to fill a packet here, asked or not. */
  NoDelay: 0x03,
  /** Statuses that came after Membase, explained by the error map. */
  ExtendedErrors: 0x07,
  SelectBucket: 0x08,
  /** The server may say something unasked. */
  Duplex: 0x0c,
  MapNotification: 0x0d,
  /** Requests with frames. */
  AlternativeRequest: 0x10,
  /** Durability with the write itself. */
  SyncReplication: 0x11,
  /** Asks for a config only if it is newer than the one it has. */
  KnownVersion: 0x1d,
  /** Told that there is a new map, without it. */
  BriefNotification: 0x1f,
} as const
export type Feature = (typeof Feature)[keyof typeof Feature]

const KNOWN: ReadonlySet<number> = new Set(Object.values(Feature))

/** The features, of those asked for as numbers of two bytes, that a connection has. */
export function agreedFeatures(asked: Buffer): Set<number> {
  const agreed = new Set<number>()
  for (let at = 0; at + 1 < asked.length; at += 2) {
    const feature = asked.readUInt16BE(at)
    if (KNOWN.has(feature)) agreed.add(feature)
  }
  return agreed
}

/** The features as an answer lists them. */
export function listedFeatures(features: ReadonlySet<number>): Buffer {
  const list = Buffer.alloc(features.size * 2)
  let at = 0
  for (const feature of features) at = list.writeUInt16BE(feature, at)
  return list
}
