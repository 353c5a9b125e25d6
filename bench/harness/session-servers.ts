// The web servers of the suite `sessions`, each a process on the proxy's core.
import { join } from 'node:path'
import { freePort } from '@holdfast/client/testing'
import type { ServerKind } from '../sessions/kinds.ts'
import { type Stores, storeAddress } from './session-stores.ts'
import { type Stage, stopProcess, untilReady } from './stage.ts'

const PROGRAM = join(import.meta.dirname, '../sessions/server.ts')
const FLAGS = ['--disable-warning=ExperimentalWarning', '--expose-gc']

export interface WebServer {
  readonly url: string
  readonly pid: number
  stop(): Promise<void>
}

export async function startWebServer(
  stage: Stage,
  stores: Stores,
  kind: ServerKind,
  storeInstead?: string,
): Promise<WebServer> {
  const port = await freePort()
  const env = {
    PORT: String(port),
    STORE: storeInstead ?? storeAddress(stores, kind),
    NODE_ENV: 'production',
  }
  const args = [...FLAGS, PROGRAM, kind.name]
  const server = stage.start(process.execPath, args, { core: stage.cores.proxyCore, env })
  let output = ''
  server.child.stdout?.on('data', (chunk: Buffer) => {
    output += chunk.toString()
  })
  await untilReady(server, `${kind.name} is ready`, () => output.includes('ready'))
  return {
    url: `http://127.0.0.1:${port}`,
    pid: server.pid,
    stop: () => stopProcess(server.child),
  }
}
