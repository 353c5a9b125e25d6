// What the servers of the suite `sessions` keep of a visitor, and what they answer.

/** What a visitor's session holds. */
export interface Visit {
  user: { id: number; name: string; email: string; roles: string[] }
  cart: { sku: string; amount: number }[]
  csrf: string
  count: number
}

/** A session as a framework shows it. */
export type VisitSession = Partial<Visit> & object

/** Fills a fresh session. */
export function login(session: VisitSession): object {
  const visit: Visit = {
    user: { id: 4711, name: 'Ann Example', email: 'ann@example.org', roles: ['buyer', 'editor'] },
    cart: [1, 2, 3].map((amount) => ({ sku: `sku-0000-${amount}`, amount })),
    csrf: 'f0e1d2c3b4a5968778695a4b3c2d1e0f',
    count: 0,
  }
  Object.assign(session, visit)
  return read(session)
}

export function read(session: VisitSession): object {
  return { name: session.user?.name ?? 'nobody', count: session.count ?? -1 }
}

export function write(session: VisitSession): object {
  session.count = (session.count ?? 0) + 1
  return read(session)
}

export function memory(): object {
  globalThis.gc?.()
  return { heapBytes: process.memoryUsage().heapUsed }
}
