/** Sessions that the mock shows: the same ones every time. */
import type { MockSession } from './model.ts'

const COUNT = 137
const USERS = ['ada', 'grace', 'linus', 'margaret', 'dennis', 'barbara', 'ken', null]

export function makeSessions(nowMs: number): MockSession[] {
  return Array.from({ length: COUNT }, (_, index) => {
    const createdMs = nowMs - (index * 97_000 + 14_000)
    const idleMs = Math.min((index * 7919) % 1_500_000, nowMs - createdMs)
    const user = USERS[index % USERS.length] ?? null
    return {
      id: `${hex(index * 2_654_435_761)}${hex(index * 40_503 + 17)}${hex(index * 69_069 + 5)}-n${(index % 3) + 1}`,
      bucket: 'sessions',
      user,
      createdMs,
      lastAccessedMs: nowMs - idleMs,
      ttlSeconds: 1800,
      encoding: index % 5 === 4 ? 'msgpackr' : 'json',
      compressed: index % 7 === 3,
      encrypted: index % 17 === 9,
      values: {
        ...(user === null ? {} : { user, role: index % 9 === 0 ? 'editor' : 'customer' }),
        cart: Array.from({ length: index % 4 }, (_, n) => ({ article: 4100 + n, pieces: 1 + n })),
        csrf: hex(index * 97 + 3),
        visits: 1 + (index % 23),
      },
    }
  })
}

function hex(value: number): string {
  return (value >>> 0).toString(16).padStart(8, '0')
}
