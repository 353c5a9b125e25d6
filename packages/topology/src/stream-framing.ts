// Cuts the bucket config stream into configs: JSON texts, each followed by four line feeds, split
// anywhere. Blanks before a config are keep-alives and are dropped. Holds one config at most.

import { ConfigError } from './config-error.ts'

const TERMINATOR = '\n\n\n\n'

/** Longest config text, in UTF-16 units. */
export const CONFIG_CHARS_MAX: number = 16 * 1024 * 1024

/**
 * Finds the configs in a stream of chunks.
 *
 * @example
 * for await (const chunk of response) parser.push(chunk, (json) => apply(parseBucketConfig(json)))
 */
export class ConfigStreamParser {
  readonly #decoder = new TextDecoder()
  #parts: string[] = []
  #chars = 0
  /** The last characters kept, for a terminator that is split. */
  #tail = ''

  /** Reports the configs that the chunk completes; throws `ConfigError` when one is too long. */
  push(chunk: Buffer | string, onConfig: (json: string) => void): void {
    const text = typeof chunk === 'string' ? chunk : this.#decoder.decode(chunk, { stream: true })
    if (!(this.#tail + text).includes(TERMINATOR)) {
      this.#keep(text)
      return
    }
    const texts = (this.#parts.join('') + text).split(TERMINATOR)
    const rest = texts.pop() ?? ''
    this.#clear()
    this.#keep(rest)
    for (const json of texts) {
      const config = json.trim()
      if (config !== '') onConfig(config)
    }
  }

  /** What came since the last terminator: the whole answer when a server does not stream. */
  takeRest(): string {
    const rest = this.#parts.join('').trim()
    this.#clear()
    return rest
  }

  #keep(text: string): void {
    const kept = this.#chars === 0 ? text.trimStart() : text
    if (kept === '') return
    this.#chars += kept.length
    if (this.#chars > CONFIG_CHARS_MAX) {
      this.#clear()
      throw new ConfigError(`bucket config is longer than ${CONFIG_CHARS_MAX} characters`)
    }
    this.#parts.push(kept)
    this.#tail = (this.#tail + kept).slice(1 - TERMINATOR.length)
  }

  #clear(): void {
    this.#parts = []
    this.#chars = 0
    this.#tail = ''
  }
}
