/*
 * The body of a Web-standard response: is it complete, or still being made?
 *
 * A Response does not tell. So its stream is read as far as it goes within one turn of the event
 * loop: a body made of a string or of bytes is complete by then and is handed on as bytes, so that
 * the server still knows its length. Any other is a stream; it is handed on chunk by chunk, and its
 * end waits for `beforeEnd`.
 */

export interface BodyAhead {
  /** The whole body, when it was complete; undefined: it is a stream. */
  bytes: Uint8Array<ArrayBuffer> | undefined
  /** The rest of a stream, from its first byte. `ended` is called once: end, error or cancel. */
  stream(ended: () => Promise<void>): ReadableStream<Uint8Array>
  /** Nobody will read it. */
  cancel(reason: unknown): void
}

type Reader = ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>
type Read = Awaited<ReturnType<Reader['read']>>

/** Throws TypeError when somebody else reads the body. */
export async function readAhead(body: ReadableStream): Promise<BodyAhead> {
  const reader: Reader = body.getReader()
  const reads: Promise<Read>[] = []
  const turn = nextTurn()
  const next = (): Promise<Read | undefined> => {
    const read = reader.read()
    // A failure is met again by whoever reads the stream.
    read.catch(() => undefined)
    reads.push(read)
    return Promise.race([read.catch(() => undefined), turn])
  }
  const first = await next()
  const last = first?.done === false ? await next() : first
  return {
    bytes: last?.done === true ? (first?.value ?? new Uint8Array()) : undefined,
    stream: (ended) => rest(reader, reads, ended),
    cancel: (reason) => void reader.cancel(reason).catch(() => undefined),
  }
}

function rest(
  reader: Reader,
  reads: Promise<Read>[],
  ended: () => Promise<void>,
): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>(
    {
      pull: async (controller) => {
        try {
          const { done, value } = await (reads.shift() ?? reader.read())
          if (!done) {
            controller.enqueue(value)
            return
          }
        } catch (error) {
          await ended()
          throw error
        }
        await ended()
        controller.close()
      },
      cancel: async (reason) => {
        await Promise.all([reader.cancel(reason), ended()])
      },
    },
    { highWaterMark: 0 },
  )
}

function nextTurn(): Promise<undefined> {
  return new Promise((resolve) => setImmediate(resolve, undefined))
}
