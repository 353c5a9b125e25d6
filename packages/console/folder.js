import { fileURLToPath } from 'node:url'

/** Folder of the built console: `index.html` and what it loads. */
export function consoleFolder() {
  return fileURLToPath(new URL('dist/', import.meta.url))
}
