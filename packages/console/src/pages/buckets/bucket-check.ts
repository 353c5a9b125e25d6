/**
 * Asks the REST, while a form of a bucket is filled in, what it would say: errors, warnings, and
 * the memory that would be left. One question at a time counts, the last.
 */
import { useEffect, useRef, useState } from 'preact/hooks'
import { type Form, send } from '../../rest/request.ts'
import { RestError } from '../../rest/rest-error.ts'
import type { BucketCheck, BucketSummaries } from '../../rest/types.ts'

/** Typing on within this time asks once. */
const SETTLE_MS = 250

export interface Checked {
  errors: Readonly<Record<string, string>>
  warnings: Readonly<Record<string, string>>
  /** Null until the first answer. */
  summaries: BucketSummaries | null
}

/** The last answer, and what asks for the next one. */
export function useBucketCheck(path: string, start: Form): [Checked, (form: Form) => void] {
  const [checked, setChecked] = useState<Checked>({ errors: {}, warnings: {}, summaries: null })
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined)
  const turn = useRef(0)
  const ask = async (form: Form): Promise<void> => {
    const own = ++turn.current
    const answer = await check(path, form)
    if (own === turn.current && answer) setChecked(answer)
  }
  useEffect(() => {
    void ask(start)
    return () => {
      clearTimeout(timer.current)
      turn.current++
    }
  }, [path])
  const edit = (form: Form): void => {
    clearTimeout(timer.current)
    timer.current = setTimeout(() => void ask(form), SETTLE_MS)
  }
  return [checked, edit]
}

/** Null when there is no answer of use: then what is shown stays. */
async function check(path: string, form: Form): Promise<Checked | null> {
  try {
    const { warnings = {}, summaries } = await send<BucketCheck>(
      'POST',
      `${path}?just_validate=1`,
      form,
    )
    return { errors: {}, warnings, summaries }
  } catch (cause) {
    const { fields, body } = RestError.of(cause)
    const summaries = summariesIn(body)
    return summaries ? { errors: fields, warnings: {}, summaries } : null
  }
}

function summariesIn(body: unknown): BucketSummaries | null {
  if (typeof body !== 'object' || body === null || !('summaries' in body)) return null
  // A refusal of this form carries them, as types.ts says.
  return body.summaries as BucketSummaries
}
