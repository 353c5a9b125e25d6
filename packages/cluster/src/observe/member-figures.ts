/** What each member tells the others about itself every few seconds, beside its heartbeats. */
import { z } from 'zod'
import type { MachineFigures } from './machine-figures.ts'

/** Something that a person should know; `key` tells kinds apart. */
export interface Alert {
  key: string
  /** What it is about within its kind: a bucket, a member; empty for the whole node or cluster. */
  about: string
  text: string
  /** Unix time of its beginning. */
  sinceMs: number
}

export interface MemberFigures extends MachineFigures {
  /** The member's clock as it answered. */
  clockMs: number
  uptimeSeconds: number
  /** Bytes of the engines' files. */
  dataBytes: number
  /** REST port with TLS; null without one. */
  tlsPort: number | null
  /** Alerts that this member has raised. */
  alerts: Alert[]
}

const alertSchema: z.ZodType<Alert> = z.object({
  key: z.string(),
  about: z.string(),
  text: z.string(),
  sinceMs: z.number(),
})

export const memberFiguresSchema: z.ZodType<MemberFigures> = z.object({
  cpuPercent: z.number(),
  memoryTotalBytes: z.number(),
  memoryFreeBytes: z.number(),
  swapTotalBytes: z.number(),
  swapUsedBytes: z.number(),
  disk: z.object({
    path: z.string(),
    totalBytes: z.number(),
    usedBytes: z.number(),
    freeBytes: z.number(),
  }),
  clockMs: z.number(),
  uptimeSeconds: z.number(),
  dataBytes: z.number(),
  tlsPort: z.number().int().nullable(),
  alerts: z.array(alertSchema),
})
