// The suite `idle`: what a client connection costs that does nothing, in resident memory of the
// proxy: once when it was only opened, once when it has had a get answered. (The socket buffers of
// the kernel are not part of it.) Each figure is that of a fresh process: one that has been under
// load holds freed memory that connections then take without growing it. A few connections are
// served first, so that what the first work needs is not counted.
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { startBackend } from './backends.ts'
import type { BackendKind } from './cells.ts'
import { absentNotes, startContenders } from './contenders.ts'
import { startIdleConnections } from './load-generator.ts'
import { figure, markdownTable } from './markdown.ts'
import { settledBytes } from './memory.ts'
import type { Contender } from './rounds.ts'
import { stopProcess } from './stage.ts'
import type { SuiteReport, SuiteSurroundings } from './suite.ts'

const KINDS: readonly BackendKind[] = ['memcached', 'engine']
const BOUND_KILOBYTES = 12
const CONNECTIONS = [2000, 5000]
const WARM_UP_CONNECTIONS = 50

interface IdleResult {
  readonly contender: string
  readonly backend: BackendKind
  readonly connections: number
  readonly bytesBefore: number
  readonly bytesOpen: number
  readonly bytesServed: number
}

export async function runIdle(surroundings: SuiteSurroundings): Promise<SuiteReport> {
  const { stage, options, say } = surroundings
  const results: IdleResult[] = []
  const absent: string[] = []
  for (const kind of KINDS) {
    const backend = await startBackend(stage, kind, options.shards)
    for (const connections of options.quick ? CONNECTIONS.slice(0, 1) : CONNECTIONS) {
      for (const contender of await startContenders(surroundings, backend, absent)) {
        if (contender.target.process === undefined) continue
        await holdConnections(surroundings, contender, kind, WARM_UP_CONNECTIONS)
        const result = await holdConnections(surroundings, contender, kind, connections)
        await stopProcess(contender.target.process.child)
        results.push(result)
        const open = figure(perConnection(result, result.bytesOpen))
        const served = figure(perConnection(result, result.bytesServed))
        say(`${contender.name} ${kind} ${connections}: ${open} KB, served ${served} KB`)
      }
    }
  }
  const markdown = [...idleTable(results), ...absentNotes([...new Set(absent)])]
  return { markdown, raw: results, sound: true }
}

async function holdConnections(
  { stage }: SuiteSurroundings,
  { name, target }: Contender,
  backend: BackendKind,
  connections: number,
): Promise<IdleResult> {
  const settled = (): Promise<number> => settledBytes(() => target.pids(), stage.ending)
  const bytesBefore = await settled()
  const { child } = startIdleConnections(stage, target, connections)
  if (child.stdout === null || child.stdin === null) throw new Error('no pipes to the load')
  const lines = createInterface(child.stdout)
  const said = async (word: string): Promise<void> => {
    const answer = await Promise.race([once(lines, 'line'), once(child, 'exit')])
    if (answer[0] !== word) throw new Error(`${connections} connections could not be ${word}`)
  }
  await said('open')
  const bytesOpen = await settled()
  child.stdin.write('get\n')
  await said('served')
  const bytesServed = await settled()
  const exited = once(child, 'exit')
  child.stdin.end()
  await exited
  return { contender: name, backend, connections, bytesBefore, bytesOpen, bytesServed }
}

/** In kilobytes (1024 bytes). */
function perConnection(result: IdleResult, bytes: number): number {
  return (bytes - result.bytesBefore) / result.connections / 1024
}

function idleTable(results: readonly IdleResult[]): string[] {
  const head = ['backend', 'candidate', 'connections', 'MB before', 'MB open', 'MB served']
  head.push('KB each open', 'KB each served', `<= ${BOUND_KILOBYTES} KB`)
  const megabytes = (bytes: number): string => (bytes / 2 ** 20).toFixed(1)
  const rows = results.map((result) => {
    const served = perConnection(result, result.bytesServed)
    return [
      result.backend,
      result.contender,
      String(result.connections),
      megabytes(result.bytesBefore),
      megabytes(result.bytesOpen),
      megabytes(result.bytesServed),
      figure(perConnection(result, result.bytesOpen)),
      figure(served),
      served <= BOUND_KILOBYTES ? 'yes' : 'no',
    ]
  })
  const about = 'Resident memory; "served": each connection has had one get of 100 B answered.'
  return ['## Idle connections', '', about, '', ...markdownTable(head, rows), '']
}
