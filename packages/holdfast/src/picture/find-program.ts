// Finds a program of the system on PATH and then where daemons usually are, because /usr/sbin is
// often missing from a user's PATH. (scripts/programs.mjs does the same before anything is built.)
import { accessSync, constants, statSync } from 'node:fs'
import { delimiter, join } from 'node:path'

const FOLDERS_BESIDE_PATH = [
  '/usr/local/bin',
  '/usr/local/sbin',
  '/usr/bin',
  '/usr/sbin',
  '/opt/homebrew/bin',
]

/** The first of `names` that is an executable file, as an absolute path. */
export function findProgram(...names: readonly string[]): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(delimiter), ...FOLDERS_BESIDE_PATH]
  return names
    .flatMap((name) =>
      folders.filter((folder) => folder !== '').map((folder) => join(folder, name)),
    )
    .find(isExecutable)
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    return false
  }
}
