import type { JSX } from 'preact'
import { Icon } from '../parts/icons.tsx'
import { connection } from '../rest/live.ts'
import { moving } from '../rest/move.ts'
import { who } from '../rest/who.ts'

/** Says that the node behind the page is silent, since when, and where the page goes. */
export function StaleBanner(): JSX.Element {
  const { state, since } = connection.value
  return (
    <div role="alert">
      {state === 'silent' && since !== null ? (
        <div class="banner">
          <Icon name="alert" />
          <strong>Node {who.value?.node} does not answer.</strong>
          <span>
            What you see is from {new Date(since).toLocaleTimeString()}.{' '}
            {moving.value ? `Moving to ${moving.value} ...` : 'Looking for another node ...'}
          </span>
        </div>
      ) : null}
    </div>
  )
}
