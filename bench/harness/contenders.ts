// The proxies of a run, started in front of a backend. One that does not start is no failure of the
// run: its reason goes into the result.
import type { Backend } from './backends.ts'
import { chooseCandidates, type Target } from './candidates.ts'
import type { BackendKind } from './cells.ts'
import type { Contender } from './rounds.ts'
import type { SuiteSurroundings } from './suite.ts'

/** A proxy that is wanted in the run. */
export interface Entrant {
  readonly name: string
  start(): Promise<Target>
}

/** Starts the candidates that the options ask for. */
export async function startContenders(
  surroundings: SuiteSurroundings,
  backend: Backend,
  absent: string[],
): Promise<Contender[]> {
  const { stage, options } = surroundings
  const entrants = chooseCandidates(options.candidates, backend.kind).map((candidate) => ({
    name: candidate.name,
    start: () => candidate.start(stage, backend),
  }))
  return await startEntrants(surroundings, backend.kind, entrants, absent)
}

/** Starts all; adds a line to `absent` for each that does not start. */
export async function startEntrants(
  { stage, say }: SuiteSurroundings,
  kind: BackendKind,
  entrants: readonly Entrant[],
  absent: string[],
): Promise<Contender[]> {
  const contenders: Contender[] = []
  for (const { name, start } of entrants) {
    try {
      contenders.push({ name, target: await start() })
    } catch (error) {
      stage.ending.throwIfAborted()
      const { message } = error instanceof Error ? error : new Error(String(error))
      say(`${name} in front of ${kind} does not start: ${message}`)
      absent.push(`- ${name} in front of ${kind}: ${message}`)
    }
  }
  return contenders
}

/** The part of a result that says who is missing from it. */
export function absentNotes(absent: readonly string[]): string[] {
  return absent.length === 0 ? [] : ['## Not measured', '', ...absent, '']
}
