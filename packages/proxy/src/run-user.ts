// moxi's -u: what is bound as root is served as somebody else. For anybody but root it is nothing.
import { readFileSync } from 'node:fs'

/** Gives up being root. Throws when the user does not exist. */
export function becomeUser(user: string | undefined): void {
  if (user === undefined || process.getuid?.() !== 0) return
  const { uid, gid } = accountOf(user)
  process.setgroups?.([gid])
  process.setgid?.(gid)
  process.setuid?.(uid)
}

/** Numbers of a user, by name or number. */
export function accountOf(user: string): { uid: number; gid: number } {
  const lines = readFileSync('/etc/passwd', 'utf8').split('\n')
  for (const line of lines) {
    const [name, , uid, gid] = line.split(':')
    if (name === user || uid === user) return { uid: Number(uid), gid: Number(gid) }
  }
  throw new Error(`there is no user ${user}`)
}
