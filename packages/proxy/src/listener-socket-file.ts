/**
 * Binds a unix socket with its permissions. A file that an earlier process left behind is removed,
 * but only when it is a socket and nobody listens there.
 */
import cluster from 'node:cluster'
import { once } from 'node:events'
import { chmod, lstat, unlink } from 'node:fs/promises'
import net from 'node:net'
import { ListenError } from './listen-error.ts'

const PROBE_TIMEOUT_MS = 1000

/** Listens on the file; rejects with `ListenError` when it cannot. */
export async function bindSocketFile(
  server: net.Server,
  path: string,
  mode: number,
  backlog: number,
): Promise<void> {
  try {
    // A worker's socket is bound by its primary, once for all workers.
    if (!cluster.isWorker) await removeStaleSocket(path)
    // The file is made within `listen`; with this mask it never exists with wider permissions.
    const umaskBefore = process.umask(~mode & 0o777)
    try {
      server.listen({ path, backlog })
    } finally {
      process.umask(umaskBefore)
    }
    await once(server, 'listening')
    await chmod(path, mode)
  } catch (cause) {
    throw new ListenError(0, cause, `at ${path}`)
  }
}

/** Removes the file that a dead process left behind; throws when something else is there. */
export async function removeStaleSocket(path: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined)
  if (found === undefined) return
  if (!found.isSocket()) throw new Error(`${path} exists and is no socket`)
  if (await answers(path)) throw new Error(`another process listens at ${path}`)
  await unlink(path)
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = net.connect({ path, timeout: PROBE_TIMEOUT_MS })
    const settle = (someone: boolean): void => {
      probe.destroy()
      resolve(someone)
    }
    probe.once('connect', () => settle(true))
    probe.once('timeout', () => settle(true))
    probe.once('error', (error: NodeJS.ErrnoException) => settle(error.code !== 'ECONNREFUSED'))
  })
}
