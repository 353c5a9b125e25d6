/**
 * Tells when a file was changed, by looking at its time and size now and then: that works on every
 * file system and for files that are replaced. Half-written files are told as well; whoever reads
 * them refuses them and is told again.
 */
import { type Stats, statSync } from 'node:fs'
import { stat } from 'node:fs/promises'

const LOOK_INTERVAL_MS = 500

export class ConfigWatch {
  readonly #path: string
  readonly #onChange: () => void
  #seen: string | undefined = undefined
  #timer: NodeJS.Timeout | undefined = undefined

  constructor(path: string, onChange: () => void) {
    this.#path = path
    this.#onChange = onChange
    const stats = statSync(path, { throwIfNoEntry: false })
    this.#seen = stats && seenOf(stats)
  }

  /** Looks from here on; what changed since the watch was made is told as well. */
  start(): void {
    this.#timer = setInterval(() => {
      void this.#compare()
    }, LOOK_INTERVAL_MS)
    this.#timer.unref()
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  async #compare(): Promise<void> {
    const seen = await this.#look()
    // A file that is away for a moment is being replaced.
    if (seen === undefined || seen === this.#seen) return
    this.#seen = seen
    this.#onChange()
  }

  async #look(): Promise<string | undefined> {
    try {
      return seenOf(await stat(this.#path))
    } catch {
      return undefined
    }
  }
}

function seenOf({ mtimeMs, size, ino }: Stats): string {
  return [mtimeMs, size, ino].join()
}
