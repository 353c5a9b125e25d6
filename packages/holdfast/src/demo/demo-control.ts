// The wire between a running demo and `holdfast demo kill N` in a second terminal: a small HTTP
// server on loopback, and the client for it. It carries text for people both ways.
import { timingSafeEqual } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type DemoState, readState } from './demo-state.ts'

const COMMAND_TIMEOUT_MS = 60_000

export interface DemoCommands {
  kill(node: number): Promise<string>
  revive(node: number): Promise<string>
  status(): Promise<string>
}

/** Serves the commands on a free loopback port to callers that know the token. */
export async function serveControl(
  commands: DemoCommands,
  token: string,
): Promise<{ readonly port: number; readonly server: Server }> {
  const expected = Buffer.from(`Bearer ${token}`)
  const server = createServer((request, response) => {
    const given = Buffer.from(request.headers.authorization ?? '')
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
      response.writeHead(401).end('unknown token\n')
      return
    }
    run(commands, request.url ?? '').then(
      (text) => response.end(`${text}\n`),
      (error: Error) => response.writeHead(400).end(`${error.message}\n`),
    )
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { port: (server.address() as AddressInfo).port, server }
}

/** Sends a command to the demo that runs in this checkout; throws when there is none. */
export async function sendCommand(root: string, path: string): Promise<string> {
  const state = readState(root)
  if (state === undefined) throw new Error('no demo is running here: start it with npm start')
  const response = await callControl(state, path)
  const text = (await response.text()).trim()
  if (!response.ok) throw new Error(text)
  return text
}

/** Whether the demo of that record answers. */
export async function isAnswering(state: DemoState): Promise<boolean> {
  try {
    return (await callControl(state, '/status')).ok
  } catch {
    return false
  }
}

async function callControl({ controlPort, token }: DemoState, path: string): Promise<Response> {
  try {
    return await fetch(`http://127.0.0.1:${controlPort}${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}` },
      signal: AbortSignal.timeout(COMMAND_TIMEOUT_MS),
    })
  } catch (cause) {
    throw new Error('the demo does not answer: start it with npm start', { cause })
  }
}

async function run(commands: DemoCommands, path: string): Promise<string> {
  if (path === '/status') return await commands.status()
  const [, action, node] = path.match(/^\/(kill|revive)\/(\d+)$/) ?? []
  if (action === 'kill') return await commands.kill(Number(node))
  if (action === 'revive') return await commands.revive(Number(node))
  throw new Error(`unknown command ${path}`)
}
