// The public face of @holdfast/protocol: bytes to messages and back. No sockets, no clocks, no
// promises.

export * from './binary.ts'
export * from './binary-reply.ts'
export { BinaryRequestParser, type BinaryRequestParserOptions } from './binary-request-parser.ts'
export * from './byte-writer.ts'
export * from './cas-clock.ts'
export * from './decimal.ts'
export * from './exptime.ts'
export * from './item.ts'
export * from './limits.ts'
export * from './protocol-error.ts'
export * from './request.ts'
export * from './resp.ts'
export * from './text-reply.ts'
export * from './text-reply-parser.ts'
export { TextRequestParser, type TextRequestParserOptions } from './text-request-parser.ts'
export * from './text-request-writer.ts'
