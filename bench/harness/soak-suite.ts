// The suite `soak`: full load for minutes, the proxy's resident memory sampled all the while. Flat
// means: over the second half of the time it grows, by a straight line through the samples, by no
// more than a twentieth of what it is. The first half is for caches and code to fill.
import { setTimeout as delay } from 'node:timers/promises'
import { startBackend } from './backends.ts'
import type { BackendKind, Cell } from './cells.ts'
import { absentNotes, startContenders } from './contenders.ts'
import { type LoadResult, median } from './figures.ts'
import { LoadError, runLoad } from './load-generator.ts'
import { figure, markdownTable } from './markdown.ts'
import { residentBytes } from './memory.ts'
import type { Contender } from './rounds.ts'
import type { SuiteReport, SuiteSurroundings } from './suite.ts'

const KINDS: readonly BackendKind[] = ['memcached', 'engine']
const SAMPLES = 120
const SHOWN = 8
const FLAT_SHARE = 0.05

interface SoakResult {
  readonly contender: string
  readonly backend: BackendKind
  readonly samplesBytes: readonly number[]
  readonly load: LoadResult | null
  readonly failure: string
}

export async function runSoak(surroundings: SuiteSurroundings): Promise<SuiteReport> {
  const { stage, options, say } = surroundings
  const results: SoakResult[] = []
  const absent: string[] = []
  for (const kind of KINDS) {
    const backend = await startBackend(stage, kind, options.shards)
    for (const contender of await startContenders(surroundings, backend, absent)) {
      if (contender.target.process === undefined) continue
      const result = await soak(surroundings, contender, kind, backend.pids)
      results.push(result)
      say(`${contender.name} ${kind}: ${figure(growthShare(result) * 100)} % in the second half`)
    }
  }
  return {
    markdown: [...soakTable(results, options.minutes), ...absentNotes(absent)],
    raw: results,
    sound: results.every(({ failure }) => failure === ''),
  }
}

async function soak(
  { stage, options }: SuiteSurroundings,
  { name, target }: Contender,
  backend: BackendKind,
  backendPids: readonly number[],
): Promise<SoakResult> {
  const cell: Cell = {
    ...{ backend, connections: 50, depth: 10, valueBytes: 1024, getShare: 0.9 },
    opsPerSecond: 0,
  }
  const seconds = options.minutes * 60
  const samplesBytes: number[] = []
  const sampling = new AbortController()
  const signal = AbortSignal.any([stage.ending, sampling.signal])
  const sample = async (): Promise<void> => {
    while (samplesBytes.length < SAMPLES) {
      await delay((seconds * 1000) / SAMPLES, undefined, { signal })
      samplesBytes.push(residentBytes(target.pids()))
    }
  }
  const sampled = sample().catch(() => undefined)
  let load: LoadResult | null = null
  let failure = ''
  try {
    load = await runLoad(stage, cell, target, { seconds, warmUpSeconds: 1, backendPids })
  } catch (error) {
    if (!(error instanceof LoadError)) throw error
    failure = error.message
  } finally {
    sampling.abort()
    await sampled
  }
  return { contender: name, backend, samplesBytes, load, failure }
}

/** Growth over the second half by a least-squares line, as a share of the median there. */
function growthShare({ samplesBytes }: SoakResult): number {
  const half = samplesBytes.slice(samplesBytes.length >> 1)
  const middle = (half.length - 1) / 2
  const mean = half.reduce((sum, bytes) => sum + bytes, 0) / half.length
  let products = 0
  let squares = 0
  for (const [index, bytes] of half.entries()) {
    products += (index - middle) * (bytes - mean)
    squares += (index - middle) ** 2
  }
  return ((products / squares) * (half.length - 1)) / median(half)
}

function soakTable(results: readonly SoakResult[], minutes: number): string[] {
  const head = ['backend', 'candidate', 'million ops', 'CPU us/op', 'p99 us']
  head.push(`MB of memory over ${minutes} minutes`, 'growth in 2nd half', 'flat', 'remarks')
  const rows = results.map((result) => {
    const growth = growthShare(result)
    const { load, samplesBytes, failure } = result
    const step = Math.max(1, Math.floor(samplesBytes.length / SHOWN))
    const shown = samplesBytes.filter((_, index) => index % step === step - 1)
    return [
      result.backend,
      result.contender,
      figure((load?.operations ?? Number.NaN) / 1e6),
      figure(load?.proxyCpuUsPerOp ?? Number.NaN),
      figure(load?.p99Us ?? Number.NaN),
      shown.map((bytes) => (bytes / 2 ** 20).toFixed(0)).join(' '),
      `${figure(growth * 100)} %`,
      growth <= FLAT_SHARE && failure === '' ? 'yes' : 'no',
      failure === '' && (load?.misses ?? 0) > 0 ? `${load?.misses} misses` : failure,
    ]
  })
  const about = '50 connections, depth 10, 1 KB values, 90 % gets.'
  return ['## Soak', '', about, '', ...markdownTable(head, rows), '']
}
