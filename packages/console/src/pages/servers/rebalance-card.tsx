/**
 * The rebalance: what the next one would change, or how far the one that runs is. Watches for its
 * end, so that a person who has gone on to read something else is told.
 */
import type { JSX } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import { ApiLink } from '../../parts/api-link.tsx'
import { attempt } from '../../parts/attempt.ts'
import { Badge } from '../../parts/badge.tsx'
import { Button } from '../../parts/button.tsx'
import { Card } from '../../parts/card.tsx'
import { Progress } from '../../parts/meter.tsx'
import { Note } from '../../parts/note.tsx'
import { toast } from '../../parts/toast.tsx'
import type { Pool, RebalanceProgress } from '../../rest/types.ts'
import { mayChange } from '../../rest/who.ts'
import type { OnAsk } from './ask.ts'
import { unmark } from './marks.ts'
import { isGone, type ServerRow } from './server-row.ts'

const PATH = '/pools/default/rebalanceProgress'

export interface RebalanceProps {
  rows: readonly ServerRow[]
  pool: Pool
  progress: RebalanceProgress | null
  onAsk: OnAsk
}

export function RebalanceCard(props: RebalanceProps): JSX.Element {
  const { progress, pool } = props
  const isRunning = progress ? progress.status === 'running' : pool.rebalanceStatus === 'running'
  useEndOf(isRunning, pool.balanced)
  return (
    <Card title="Rebalance" actions={<ApiLink path={PATH} of="progress of a rebalance" />}>
      <div class="stack rebalance">
        {progress?.errorMessage ? (
          <Note tone="warning" urgent>
            {isRunning ? 'It stands still: ' : ''}
            {progress.errorMessage}
          </Note>
        ) : null}
        {isRunning ? <Running {...props} /> : <Waiting {...props} />}
      </div>
    </Card>
  )
}

function Running({ rows, progress }: RebalanceProps): JSX.Element {
  const shares = rows.flatMap((row) => {
    const one = progress?.[row.otpNode]
    return typeof one === 'object' ? [{ name: row.hostname, share: one.progress }] : []
  })
  const whole = shares.reduce((sum, { share }) => sum + share, 0) / Math.max(shares.length, 1)
  return (
    <>
      <Progress name="All servers" share={whole} />
      <div class="rebalance-servers">
        {shares.map(({ name, share }) => (
          <Progress key={name} name={name} share={share} />
        ))}
      </div>
      <div class="row">
        <p class="quiet">Everything is served while copies move.</p>
        {mayChange() ? (
          <Button onPress={() => void attempt('/controller/stopRebalance', {}, STOPPED)}>
            Stop the rebalance
          </Button>
        ) : null}
      </div>
    </>
  )
}

const STOPPED = 'Stopped. Moves under way end; go on with it whenever you like.'

function Waiting({ rows, pool, onAsk }: RebalanceProps): JSX.Element {
  const coming = rows.filter((row) => row.next === 'comes')
  const leaving = rows.filter((row) => row.next === 'leaves')
  const isPending = coming.length + leaving.length > 0
  const gone = rows.filter(isGone).map((row) => row.hostname)
  const wasStopped = !isPending && gone.length === 0 && !pool.balanced
  const isUrged = wasStopped || rows.some((row) => row.next === 'comes' || row.marked)
  return (
    <>
      {isPending ? <p>The next rebalance changes this:</p> : null}
      {isPending ? (
        <ul class="stack tight">
          {[...coming, ...leaving].map((row) => (
            <Change key={row.otpNode} row={row} />
          ))}
        </ul>
      ) : (
        <p>
          {gone.length > 0
            ? `Decide on ${gone.join(', ')} first: nothing can be moved off a server that does not answer.`
            : wasStopped
              ? 'Not everything is where it should be: a rebalance was stopped, or is still to come.'
              : 'Every copy is where it should be.'}
        </p>
      )}
      {mayChange() ? (
        <div class="row">
          <Button kind={isUrged ? 'primary' : 'plain'} onPress={() => onAsk({ kind: 'rebalance' })}>
            {wasStopped ? 'Go on with the rebalance' : 'Rebalance'}
          </Button>
          <span class="quiet small">Shows what moves before anything does.</span>
        </div>
      ) : null}
    </>
  )
}

function Change({ row }: { row: ServerRow }): JSX.Element {
  const { hostname, otpNode, next, marked } = row
  const why = next === 'comes' ? 'gets its share of the data' : whyLeaves(row)
  return (
    <li class="row">
      <Badge tone={next === 'comes' ? 'busy' : 'warning'}>
        {next === 'comes' ? 'comes' : 'leaves'}
      </Badge>
      <span>
        <strong>{hostname}</strong> {why}
      </span>
      {marked && mayChange() ? (
        <Button small kind="quiet" label={`Keep ${hostname} in`} onPress={() => unmark(otpNode)}>
          Keep
        </Button>
      ) : null}
    </li>
  )
}

function whyLeaves({ marked }: ServerRow): string {
  return marked
    ? 'hands over all that it holds first'
    : 'was failed over; re-add it to keep it in the cluster'
}

function useEndOf(isRunning: boolean, isBalanced: boolean): void {
  const ran = useRef(isRunning)
  useEffect(() => {
    if (ran.current && !isRunning && isBalanced) {
      toast('The rebalance is done: every copy is where it should be.')
    }
    ran.current = isRunning
  }, [isRunning, isBalanced])
}
