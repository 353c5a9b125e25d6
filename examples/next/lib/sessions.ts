// The sessions of this application, for route handlers, server actions and server components.
import { createSessions } from '@holdfast/session/next'

export interface Attributes {
  count: number
  user: string
}

export const { withSession, getSession, health } = createSessions<Attributes>({
  memcachedNodes: process.env.MEMCACHED_NODES ?? 'localhost:11311',
  // A real application reads its secret from where it keeps its other secrets.
  secret: process.env.SESSION_SECRET ?? 'holdfast-example-secret',
})
