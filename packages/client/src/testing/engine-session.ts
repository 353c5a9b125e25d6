/** A small promise client for one engine, for tests that play the store's leader. */
import net from 'node:net'
import { ByteWriter, RespKind, RespParser, writeCommand } from '@holdfast/protocol'

const ANSWER_TIMEOUT_MS = 5000

interface Waiting {
  resolve(text: string): void
  reject(error: Error): void
}

/** Sends commands as the engine's default user; connects when first used. */
export class EngineSession {
  readonly #port: number
  #socket: net.Socket | undefined = undefined
  #waiting: Waiting[] = []

  constructor(port: number) {
    this.#port = port
  }

  /** Answers the reply as text; an error reply rejects. */
  async call(...args: string[]): Promise<string> {
    this.#socket ??= this.#connect()
    const socket = this.#socket
    const writer = new ByteWriter()
    writeCommand(writer, args)
    return await new Promise<string>((resolve, reject) => {
      this.#waiting.push({ resolve, reject })
      socket.write(writer.take())
    })
  }

  close(): void {
    this.#socket?.destroy()
  }

  #connect(): net.Socket {
    const parser = new RespParser()
    const socket = net.connect({ port: this.#port, host: '127.0.0.1' })
    socket.setTimeout(ANSWER_TIMEOUT_MS)
    socket.on('timeout', () => {
      if (this.#waiting.length > 0) socket.destroy(new Error('engine does not answer'))
    })
    socket.on('data', (chunk: Buffer) => {
      parser.push(chunk, (reply) => {
        const text = reply.buf.toString('latin1', reply.start, reply.end)
        const waiting = this.#waiting.shift()
        if (reply.kind === RespKind.Error) waiting?.reject(new Error(text))
        else waiting?.resolve(text)
      })
    })
    socket.on('error', () => {})
    socket.on('close', () => {
      this.#socket = undefined
      const waiting = this.#waiting
      this.#waiting = []
      for (const { reject } of waiting) reject(new Error('engine connection closed'))
    })
    return socket
  }
}
