/** Shapes of the JSON that the console's own routes answer with; the others are answers.ts. */
import { z } from 'zod'

const seconds = z.number().int()

export const loginSchema: z.ZodType = z.object({
  user: z.string(),
  role: z.enum(['admin', 'reader']),
  expiresInSeconds: seconds.describe('put off by requests that use the login'),
})

export const whoamiSchema: z.ZodType = z.object({
  user: z.string().nullable(),
  role: z.enum(['admin', 'reader', 'none']).describe('admin while no admin is set'),
  provisioned: z.boolean().describe('whether the cluster has an admin'),
  expiresInSeconds: seconds.nullable().describe("of a browser's login"),
  version: z.string(),
  node: z.string().describe('REST address, host:port'),
  otpNode: z.string(),
})

export const ticketSchema: z.ZodType = z.object({ ticket: z.string(), expiresInSeconds: seconds })
