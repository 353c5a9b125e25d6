/** What the REST answers about sessions. */

/** `GET /sessions` */
export interface Sessions {
  sessions: Session[]
  next: string | null
  note?: string
}

export interface Session {
  /** The key that it is stored under. */
  id: string
  bucket: string
  /** Part of the id that all sessions of its application have. */
  prefix: string
  user: string | null
  /** Unix time in milliseconds; null where it cannot be read. */
  createdAt: number | null
  lastAccessedAt: number | null
  idleSeconds: number | null
  ageSeconds: number | null
  /** Null: never. */
  expiresInSeconds: number | null
  sizeBytes: number
  encoding: string
  compressed: boolean
  encrypted: boolean
  attributes: { name: string; type: string; sizeBytes: number }[]
  note?: string
  /** Only with `values=1`, only for the admin. */
  values?: Record<string, unknown>
  /** Attributes whose value is only the beginning of its JSON text. */
  cut?: string[]
}
