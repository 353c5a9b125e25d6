/**
 * JSON messages as lines over a connection that stays open: what heartbeats travel on. A request of
 * HTTP costs ten times the work of such a line, and heartbeats are most of what an idle node does.
 */
import type { Duplex } from 'node:stream'
import { StringDecoder } from 'node:string_decoder'

/** Target and protocol name of the CONNECT request that opens such a connection. */
export const HEARTBEAT_TARGET = 'heartbeats.holdfast:1'
/** Longest message that is read; a status of thousands of engines fits. */
const LINE_BYTES_MAX = 4 * 1024 * 1024

/**
 * Calls `onLine` for each line that arrives, without its end. A connection that sends a longer line
 * than is allowed is destroyed, and so is one whose line the callback throws on.
 */
export function readLines(socket: Duplex, onLine: (line: string) => void): void {
  let unfinished = ''
  // A server's sockets stay half open, and refuse to have an encoding set.
  socket.once('end', () => socket.destroy())
  const decoder = new StringDecoder('utf8')
  socket.on('data', (chunk: Buffer) => {
    const lines = `${unfinished}${decoder.write(chunk)}`.split('\n')
    unfinished = lines.pop() ?? ''
    try {
      for (const line of lines) onLine(line)
      if (unfinished.length > LINE_BYTES_MAX) throw new Error('the line is too long')
    } catch (error) {
      socket.destroy(error instanceof Error ? error : new Error(String(error)))
    }
  })
}

/** Sends one message. */
export function writeLine(socket: Duplex, message: unknown): void {
  socket.write(`${JSON.stringify(message)}\n`)
}
