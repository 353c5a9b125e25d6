/**
 * The last good config of a source, kept on disk for a start while all config servers are away.
 * One small file for each source, replaced whole, readable by its owner only: it holds passwords.
 */
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync } from 'node:fs'
import { rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

const NAME_CHARS = 16
const FILE_MODE = 0o600
const FOLDER_MODE = 0o700

export class SavedConfig {
  readonly #path: string
  readonly #onError: (error: unknown) => void
  #last = ''
  #next: string | undefined = undefined
  #writing = false

  /** The file in `folder` of the source with these URLs. */
  constructor(folder: string, urls: readonly string[], onError: (error: unknown) => void) {
    const hash = createHash('sha256').update(urls.join('\n')).digest('hex')
    this.#path = join(folder, `source-${hash.slice(0, NAME_CHARS)}.json`)
    this.#onError = onError
    try {
      mkdirSync(folder, { recursive: true, mode: FOLDER_MODE })
    } catch (error) {
      onError(error)
    }
  }

  /** What was kept, if anything. */
  load(): string | undefined {
    try {
      return readFileSync(this.#path, 'utf8')
    } catch {
      return undefined
    }
  }

  /** Keeps `json`; while one is being written only the last of the others is remembered. */
  keep(json: string): void {
    if (json === this.#last) return
    this.#last = json
    this.#next = json
    if (!this.#writing) void this.#write()
  }

  async #write(): Promise<void> {
    this.#writing = true
    const temporary = `${this.#path}.${process.pid}`
    while (this.#next !== undefined) {
      const json = this.#next
      this.#next = undefined
      try {
        await writeFile(temporary, json, { mode: FILE_MODE })
        await rename(temporary, this.#path)
      } catch (error) {
        this.#onError(error)
      }
    }
    this.#writing = false
  }
}
