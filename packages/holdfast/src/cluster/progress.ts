/**
 * Progress of something long, for a person: a bar on a terminal, a line at each full step
 * otherwise, nothing where standard output is for a program. Estimates come from the progress
 * itself.
 */
import { type Options, SingleBar } from 'cli-progress'

const LINE_STEP_PERCENT = 10
const PERCENT = 100
/** Too little has happened before this to say how long the rest takes. */
const ESTIMATE_AFTER_MS = 500

export interface Progress {
  /** `fraction` is 0 to 1; `detail` says what moves. */
  update(fraction: number, detail: string): void
  /** Ends the bar. To be called on every path. */
  stop(): void
}

export interface ProgressOptions {
  label: string
  kind: 'bar' | 'lines' | 'none'
  write(line: string): void
  nowMs?: () => number
}

/** Makes what shows progress in the given way. */
export function makeProgress(options: ProgressOptions): Progress {
  if (options.kind === 'none') return { update: () => {}, stop: () => {} }
  return options.kind === 'bar' ? new ProgressBar(options) : new ProgressLines(options)
}

/** How long the rest takes when it goes on as before; null when that cannot be said. */
export function restMs(startFraction: number, fraction: number, elapsedMs: number): number | null {
  const moved = fraction - startFraction
  if (moved <= 0 || elapsedMs < ESTIMATE_AFTER_MS) return null
  return ((1 - fraction) / moved) * elapsedMs
}

/** `1 h 2 min`, `3 min 4 s` or `5 s`. */
export function durationText(ms: number): string {
  const seconds = Math.ceil(ms / 1000)
  if (seconds >= 3600) return `${Math.floor(seconds / 3600)} h ${Math.floor(seconds / 60) % 60} min`
  return seconds >= 60 ? `${Math.floor(seconds / 60)} min ${seconds % 60} s` : `${seconds} s`
}

/** What is common: when it began, and what is to be said of the rest. */
class Estimate {
  readonly #nowMs: () => number
  #startedMs = 0
  #startFraction: number | undefined

  constructor(nowMs: () => number = () => performance.now()) {
    this.#nowMs = nowMs
  }

  text(fraction: number): string {
    if (this.#startFraction === undefined || fraction < this.#startFraction) {
      this.#startFraction = fraction
      this.#startedMs = this.#nowMs()
    }
    const rest = restMs(this.#startFraction, fraction, this.#nowMs() - this.#startedMs)
    return rest === null ? '' : `, about ${durationText(rest)} left`
  }
}

class ProgressLines implements Progress {
  readonly #options: ProgressOptions
  readonly #estimate: Estimate
  #shownStep = -1

  constructor(options: ProgressOptions) {
    this.#options = options
    this.#estimate = new Estimate(options.nowMs)
  }

  update(fraction: number, detail: string): void {
    const rest = this.#estimate.text(fraction)
    const percent = Math.floor(fraction * PERCENT)
    const step = Math.floor(percent / LINE_STEP_PERCENT)
    if (step === this.#shownStep) return
    this.#shownStep = step
    const what = detail === '' ? '' : `, ${detail}`
    this.#options.write(`INFO: ${this.#options.label} ${percent} %${what}${rest}`)
  }

  stop(): void {}
}

const BAR_OPTIONS: Options = {
  format: '{label} [{bar}] {percentage} %{detail}{rest}',
  barCompleteChar: '#',
  barIncompleteChar: '-',
  hideCursor: true,
  clearOnComplete: false,
}

class ProgressBar implements Progress {
  readonly #label: string
  readonly #estimate: Estimate
  #bar: SingleBar | undefined

  constructor(options: ProgressOptions) {
    this.#label = options.label
    this.#estimate = new Estimate(options.nowMs)
  }

  update(fraction: number, detail: string): void {
    const what = detail === '' ? '' : ` ${detail}`
    const shown = { label: this.#label, detail: what, rest: this.#estimate.text(fraction) }
    if (this.#bar === undefined) {
      this.#bar = new SingleBar(BAR_OPTIONS)
      this.#bar.start(PERCENT, 0, shown)
    }
    this.#bar.update(Math.floor(fraction * PERCENT), shown)
  }

  stop(): void {
    this.#bar?.stop()
    this.#bar = undefined
  }
}
