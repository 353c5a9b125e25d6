// The command line of `npm run bench`. Pure.
import { parseArgs } from 'node:util'

/** What can be measured. */
export const SUITES = [
  'grid',
  'commit',
  'idle',
  'soak',
  'sessions',
  'races',
  'store',
  'memory',
] as const

export type Suite = (typeof SUITES)[number]

/** What a run is asked to do. */
export interface BenchOptions {
  readonly suites: readonly Suite[]
  readonly quick: boolean
  readonly cells: string | undefined
  readonly candidates: readonly string[] | undefined
  readonly rounds: number
  readonly seconds: number
  readonly warmUpSeconds: number
  readonly minutes: number
  readonly shards: number
  readonly proxyCore: number
  readonly loadCore: number
  readonly backendCore: number
  /** Last part of the name of the file with the results. */
  readonly name: string
}

export const USAGE = `usage: npm run bench -- [SUITE...] [options]
  grid      (default) proxies side by side: CPU per operation, throughput, latency
  commit    sets acknowledged after their replica has them, against sets that are not
  idle      memory of idle connections
  soak      memory under full load for --minutes
  sessions  web servers with and without a session layer (needs wrk)
  races     what session layers keep when requests of one session overtake each other
  store     a cluster of three nodes: start, idle cost, starvation, rebalance to a fourth
  memory    what an item costs in the store, beside redis-server alone
options
  --quick             a small grid, one round of one second
  --cells PATTERNS    only these: parts of cell names, memcached/d10,engine/50c
  --candidates NAMES  only these, and those not run by default
  --rounds N          3
  --seconds S         2, measured, after --warm-up-seconds 1
  --minutes M         10, of the soak
  --shards N          1, engines behind the proxy
  --proxy-core N --load-core N --backend-core N    0, 1, that of the load
  --name NAME         of the result: results/DATE-NAME.md
`

/** Reads the command line; throws an error whose message says what is wrong. */
export function parseBenchOptions(argv: readonly string[]): BenchOptions | 'help' {
  const text = { type: 'string' } as const
  const flag = { type: 'boolean' } as const
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      quick: flag,
      help: flag,
      cells: text,
      candidates: text,
      rounds: text,
      seconds: text,
      'warm-up-seconds': text,
      minutes: text,
      shards: text,
      'proxy-core': text,
      'load-core': text,
      'backend-core': text,
      name: text,
    },
  })
  if (values.help === true) return 'help'
  const quick = values.quick === true
  const suites = positionals.length === 0 ? ['grid'] : positionals
  const loadCore = positive('--load-core', values['load-core'], 1, 0)
  return {
    suites: suites.map(suiteOf),
    quick,
    cells: values.cells,
    candidates: values.candidates?.split(','),
    rounds: positive('--rounds', values.rounds, quick ? 1 : 3, 1),
    seconds: positive('--seconds', values.seconds, quick ? 1 : 2, 0.1),
    warmUpSeconds: positive('--warm-up-seconds', values['warm-up-seconds'], quick ? 0.5 : 1, 0),
    minutes: positive('--minutes', values.minutes, quick ? 0.2 : 10, 0.05),
    shards: positive('--shards', values.shards, 1, 1),
    proxyCore: positive('--proxy-core', values['proxy-core'], 0, 0),
    loadCore,
    backendCore: positive('--backend-core', values['backend-core'], loadCore, 0),
    name: values.name ?? `${suites.join('-')}${quick ? '-quick' : ''}`,
  }
}

function suiteOf(name: string): Suite {
  const suite = SUITES.find((known) => known === name)
  if (suite === undefined) throw new Error(`${name} is none of ${SUITES.join(', ')}`)
  return suite
}

function positive(name: string, text: string | undefined, fallback: number, min: number): number {
  const value = text === undefined ? fallback : Number(text)
  if (!Number.isFinite(value) || value < min) {
    throw new Error(`${name} needs a number of ${min} or more, not ${text}`)
  }
  return value
}
