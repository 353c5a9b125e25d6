// Finds the programs that Holdfast uses but does not bring along: the engine (valkey-server or
// redis-server), HAProxy, memcached. Looked for on PATH and then in the folders where Debian and
// Homebrew put daemons, because /usr/sbin is often missing from a user's PATH. Plain JavaScript
// for Node >= 20: the set-up runs it before anything is installed.
import { accessSync, constants, statSync } from 'node:fs'
import { delimiter, join } from 'node:path'

const FOLDERS_BESIDE_PATH = [
  '/usr/local/bin',
  '/usr/local/sbin',
  '/usr/bin',
  '/usr/sbin',
  '/opt/homebrew/bin',
]

/** The first of `names` that is an executable file, as an absolute path; undefined if none is. */
export function findProgram(...names) {
  const folders = [...(process.env.PATH ?? '').split(delimiter), ...FOLDERS_BESIDE_PATH]
  for (const name of names) {
    for (const folder of folders) {
      const path = join(folder, name)
      if (folder !== '' && isExecutable(path)) return path
    }
  }
  return undefined
}

/** The engine: HOLDFAST_ENGINE, else Valkey, else Redis (7.0 or later). */
export function findEngine() {
  return process.env.HOLDFAST_ENGINE ?? findProgram('valkey-server', 'redis-server')
}

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    return false
  }
}
