/** Server-sent events from the text of a stream, however it is cut. Pure but for what it keeps. */

export interface StreamEvent {
  event: string
  data: string
}

/** A line longer than this is no answer of ours. */
const LINE_LENGTH_MAX = 8 * 1024 * 1024

export class EventParser {
  #rest = ''
  #event = ''
  #data: string[] = []

  /** The events that end within this text. Throws when a line has no end. */
  push(text: string): StreamEvent[] {
    const lines = (this.#rest + text).split('\n')
    this.#rest = lines.pop() ?? ''
    if (this.#rest.length > LINE_LENGTH_MAX) throw new Error('a line of the stream has no end')
    const events: StreamEvent[] = []
    for (const line of lines) {
      const done = this.#take(line.endsWith('\r') ? line.slice(0, -1) : line)
      if (done) events.push(done)
    }
    return events
  }

  #take(line: string): StreamEvent | null {
    if (line === '') {
      const done = { event: this.#event || 'message', data: this.#data.join('\n') }
      const isEvent = this.#event !== '' || this.#data.length > 0
      this.#event = ''
      this.#data = []
      return isEvent ? done : null
    }
    const colon = line.indexOf(':')
    const field = colon < 0 ? line : line.slice(0, colon)
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '')
    if (field === 'event') this.#event = value
    else if (field === 'data') this.#data.push(value)
    return null
  }
}
