/**
 * Shows the answer of a watched path in each of its states: a skeleton until the first answer, the
 * error in words, what was last seen marked as stale while the node is silent.
 */
import type { ReadonlySignal } from '@preact/signals'
import type { ComponentChildren, JSX } from 'preact'
import type { Watched } from '../rest/live.ts'
import { Note } from './note.tsx'
import { Skeleton } from './skeleton.tsx'

export function Shown<T>(props: {
  of: ReadonlySignal<Watched<T>>
  /** Height of what will be there. */
  heightRem: number
  children: (body: T) => ComponentChildren
}): JSX.Element {
  const { body, error, staleSince } = props.of.value
  if (error && body === null) {
    return (
      <Note tone="bad" urgent>
        {error.message}
      </Note>
    )
  }
  if (body === null) return <Skeleton heightRem={props.heightRem} />
  return <div class={staleSince === null ? undefined : 'is-stale'}>{props.children(body)}</div>
}
