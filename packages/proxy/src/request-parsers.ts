/**
 * The parsers of requests, lent to connections. A parser keeps buffers and tables that a connection
 * needs only while a part of a request has arrived, so those that stand between two requests share
 * one: an idle connection owns no parser.
 */
import { BinaryRequestParser, TextRequestParser } from '@holdfast/protocol'

/** Parsers that are kept for the next connection in need of one. */
const SPARE_MAX = 64

/** Either dialect's parser. */
export type RequestParser = TextRequestParser | BinaryRequestParser

export class RequestParsers {
  readonly #valueBytesMax: number
  readonly #vBuckets: boolean
  readonly #text: TextRequestParser[] = []
  readonly #binary: BinaryRequestParser[] = []

  /** `vBuckets`: of a vBucket port. */
  constructor(valueBytesMax: number, vBuckets: boolean) {
    this.#valueBytesMax = valueBytesMax
    this.#vBuckets = vBuckets
  }

  /** An idle parser; give it back as soon as it is idle again. */
  lend(binary: boolean): RequestParser {
    const options = { valueBytesMax: this.#valueBytesMax, vBuckets: this.#vBuckets }
    if (binary) return this.#binary.pop() ?? new BinaryRequestParser(options)
    return this.#text.pop() ?? new TextRequestParser(options)
  }

  /** Takes back an idle parser. */
  giveBack(parser: RequestParser): void {
    const spare: RequestParser[] = parser instanceof TextRequestParser ? this.#text : this.#binary
    if (spare.length < SPARE_MAX) spare.push(parser)
  }
}
