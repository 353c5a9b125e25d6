/** What a rebalance would move, before it moves: from the REST's own answer to that question. */
import type { JSX } from 'preact'
import { Button } from '../../parts/button.tsx'
import { Dialog } from '../../parts/dialog.tsx'
import { Figure, Figures } from '../../parts/figure.tsx'
import { Form, FormEnd } from '../../parts/form.tsx'
import { Note } from '../../parts/note.tsx'
import { Skeleton } from '../../parts/skeleton.tsx'
import { type Column, Table } from '../../parts/table.tsx'
import { toast } from '../../parts/toast.tsx'
import { bytes, count, counted } from '../../parts/units.ts'
import { send } from '../../rest/request.ts'
import type { RebalancePreview, VBuckets } from '../../rest/types.ts'
import { rebalanceForm } from './marks.ts'
import type { ServerRow } from './server-row.ts'
import { useAnswer } from './use-answer.ts'

const PATH = '/controller/rebalance'
const MOVES_SHOWN_MAX = 200
const FRAME_REM = 16

type Move = RebalancePreview['moves'][number]

export function RebalanceDialog(props: {
  rows: readonly ServerRow[]
  onClose: () => void
}): JSX.Element {
  const { rows, onClose } = props
  const form = rebalanceForm(rows)
  const ask = (): Promise<RebalancePreview> =>
    send<RebalancePreview>('POST', `${PATH}?just_validate=1`, form)
  const { body, error } = useAnswer(ask, JSON.stringify(form))
  const start = async (): Promise<void> => {
    await send('POST', PATH, form)
    toast('The rebalance has started.')
    onClose()
  }
  const nameOf = (otpNode: string): string =>
    rows.find((row) => row.otpNode === otpNode)?.hostname ?? otpNode
  return (
    <Dialog title="Rebalance: what moves" wide onClose={onClose}>
      <Form onSend={start}>
        {error ? (
          <Note tone="bad" urgent>
            {error.message}
          </Note>
        ) : body ? (
          <Preview preview={body} nameOf={nameOf} rows={rows} />
        ) : (
          <Skeleton heightRem={FRAME_REM} />
        )}
        <FormEnd send="Start the rebalance" disabled={body === null}>
          <Button onPress={onClose}>Cancel</Button>
        </FormEnd>
      </Form>
    </Dialog>
  )
}

function Preview(props: {
  preview: RebalancePreview
  rows: readonly ServerRow[]
  nameOf: (otpNode: string) => string
}): JSX.Element {
  const { preview, nameOf, rows } = props
  const { moves, bytesToMove, copiesToMake, vBucketsByNode } = preview
  const of = (action: Move['action']): number => moves.filter((m) => m.action === action).length
  const leaving = rows.filter((row) => row.next === 'leaves').map((row) => row.hostname)
  return (
    <div class="stack">
      {leaving.length > 0 ? (
        <Note tone="warning">{leaving.join(', ')} leaves the cluster at the end.</Note>
      ) : null}
      <Figures>
        <Figure name="Copies to make" value={count(copiesToMake)} detail={bytes(bytesToMove)} />
        <Figure name="Roles handed over" value={count(of('promote'))} detail="no write is lost" />
        <Figure
          name="Copies dropped"
          value={count(of('removeCopy'))}
          detail="when others are whole"
        />
      </Figures>
      {moves.length === 0 ? <p>Nothing has to move: every copy is where it should be.</p> : null}
      <Table
        caption="vBuckets of each server, before and after"
        columns={SHARE_COLUMNS}
        rows={Object.entries(vBucketsByNode).map(([otpNode, share]) => ({
          name: nameOf(otpNode),
          ...share,
        }))}
        keyOf={(row) => row.name}
      />
      {moves.length > 0 ? <Moves moves={moves} nameOf={nameOf} /> : null}
    </div>
  )
}

interface ShareRow {
  name: string
  before: VBuckets
  after: VBuckets
}

const SHARE_COLUMNS: readonly Column<ShareRow>[] = [
  { name: 'Server', heads: true, cell: ({ name }) => name },
  {
    name: 'Active',
    number: true,
    cell: ({ before, after }) => change(before.active, after.active),
  },
  {
    name: 'Replica',
    number: true,
    cell: ({ before, after }) => change(before.replica, after.replica),
  },
]

function change(before: number, after: number): JSX.Element {
  if (before === after) return <span>{count(before)}</span>
  return (
    <span>
      <span class="quiet">{count(before)} to </span>
      <strong>{count(after)}</strong>
    </span>
  )
}

const ACTIONS: Record<Move['action'], string> = {
  addCopy: 'a copy is made on',
  promote: 'is led by',
  removeCopy: 'the copy is dropped on',
}

function Moves(props: {
  moves: readonly Move[]
  nameOf: (otpNode: string) => string
}): JSX.Element {
  const shown = props.moves.slice(0, MOVES_SHOWN_MAX)
  const rest = props.moves.length - shown.length
  return (
    <details>
      <summary>{counted(props.moves.length, 'step')}, one by one</summary>
      <ol class="small moves">
        {shown.map(({ bucket, shard, vBuckets, action, otpNode, bytes: size }) => (
          <li key={`${bucket}/${shard}/${action}/${otpNode}`}>
            <strong>{bucket}</strong> shard {shard} (vBuckets {vBuckets[0]} to {vBuckets[1]}):{' '}
            {ACTIONS[action]} {props.nameOf(otpNode)}
            {action === 'addCopy' ? <span class="quiet">, {bytes(size)}</span> : null}
          </li>
        ))}
        {rest > 0 ? <li class="quiet">and {count(rest)} more</li> : null}
      </ol>
    </details>
  )
}
