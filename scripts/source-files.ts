// Reads the project's own files for the checks beside this file: what git would track, without
// what is installed, built or written at run time.
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'

const FOLDERS_LEFT_OUT = new Set(['node_modules', 'dist', '.git', '.holdfast', 'coverage'])

export const root: string = dirname(import.meta.dirname)

/** Path relative to the project (with `/`) -> text, for every file whose name ends as given. */
export function readSourceFiles(endings: readonly string[], folder = root): Map<string, string> {
  const files = new Map<string, string>()
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !endings.some((ending) => entry.name.endsWith(ending))) continue
    const path = relative(folder, join(entry.parentPath, entry.name))
    if (path.split('/').some((part) => FOLDERS_LEFT_OUT.has(part))) continue
    files.set(path, readFileSync(join(folder, path), 'utf8'))
  }
  return files
}
