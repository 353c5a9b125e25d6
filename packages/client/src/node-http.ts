/**
 * The runtime's HTTP module for processes that live long. An import statement of it would ask for
 * all its parts, and so load the runtime's other HTTP client (fetch, WebSocket): 10 MB of memory in
 * every process, for nothing where neither is used.
 */
import type * as Http from 'node:http'

export const http: typeof Http = process.getBuiltinModule('node:http')
