/**
 * Failing a server over, and removing one that is dead: both take its data away from it, so both
 * say in the REST's own figures what that means, and ask for the name.
 */
import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import { ConfirmByName } from '../../parts/confirm-by-name.tsx'
import { Dialog } from '../../parts/dialog.tsx'
import { RadioField } from '../../parts/field.tsx'
import { Figure, Figures } from '../../parts/figure.tsx'
import { Note } from '../../parts/note.tsx'
import { Skeleton } from '../../parts/skeleton.tsx'
import { toast } from '../../parts/toast.tsx'
import { count, counted } from '../../parts/units.ts'
import { send } from '../../rest/request.ts'
import type { FailOverPreview } from '../../rest/types.ts'
import { isUp, type ServerRow } from './server-row.ts'
import { useAnswer } from './use-answer.ts'

const AT_ONCE = '/controller/failOver'
const GRACEFUL = '/controller/startGracefulFailover'
const FRAME_REM = 12

export function FailOverDialog(props: { row: ServerRow; onClose: () => void }): JSX.Element {
  const title = `Fail over ${props.row.hostname}`
  return (
    <WithPreview row={props.row} title={title} onClose={props.onClose}>
      {(preview) => <FailOverForm {...props} title={title} preview={preview} />}
    </WithPreview>
  )
}

const WAYS = {
  graceful: {
    value: 'graceful',
    name: 'Gracefully',
    hint: 'It hands over first. Nothing is lost and no request fails.',
  },
  atOnce: {
    value: 'atOnce',
    name: 'At once',
    hint: 'For a server that is dead or does harm. The copies take over as they are.',
  },
}

function FailOverForm(props: {
  row: ServerRow
  title: string
  preview: FailOverPreview
  onClose: () => void
}): JSX.Element {
  const { row, preview } = props
  const { hostname, otpNode } = row
  const refusal = whyNotGraceful(row, preview)
  const [way, setWay] = useState(refusal === null ? 'graceful' : 'atOnce')
  const isGraceful = way === 'graceful'
  const failOver = async (): Promise<void> => {
    await send('POST', isGraceful ? GRACEFUL : AT_ONCE, { otpNode })
    toast(
      isGraceful
        ? `${hostname} hands over what it leads, then it is failed over.`
        : `${hostname} is failed over.`,
    )
  }
  return (
    <ConfirmByName
      title={props.title}
      name={hostname}
      kind="server"
      action={isGraceful ? 'Fail over gracefully' : 'Fail over at once'}
      onConfirm={failOver}
      onClose={props.onClose}
    >
      <RadioField
        name="way"
        label="How"
        value={way}
        onChange={setWay}
        options={refusal === null ? [WAYS.graceful, WAYS.atOnce] : [WAYS.atOnce]}
      />
      {refusal === null ? null : <p class="quiet">{refusal}</p>}
      <Effects preview={preview} />
    </ConfirmByName>
  )
}

/** Null when the server can hand over. */
function whyNotGraceful(row: ServerRow, { shardsWithoutCopy }: FailOverPreview): string | null {
  if (!isUp(row)) return 'It cannot hand over, because it does not answer.'
  if (shardsWithoutCopy.length === 0) return null
  return 'It cannot hand over gracefully, because it has the only copy of something. To lose nothing, remove it and rebalance.'
}

/** Removing a server that does not answer: failed over first, taken out by the next rebalance. */
export function RemoveDialog(props: { row: ServerRow; onClose: () => void }): JSX.Element {
  const { hostname, otpNode } = props.row
  const remove = async (): Promise<void> => {
    await send('POST', AT_ONCE, { otpNode })
    toast(`${hostname} is out of use. Rebalance to take it out of the cluster.`)
  }
  const title = `Remove ${hostname}`
  return (
    <WithPreview row={props.row} title={title} onClose={props.onClose}>
      {(preview) => (
        <ConfirmByName
          title={title}
          name={hostname}
          kind="server"
          action="Remove"
          onConfirm={remove}
          onClose={props.onClose}
        >
          <p>
            It does not answer, so nothing can be moved off it. It is failed over at once: the other
            servers serve what they have copies of. The next rebalance takes it out of the cluster.
          </p>
          <Effects preview={preview} />
          <p class="quiet">
            Be sure that it is dead, and not only cut off from here: applications that still reach
            it would go on with it.
          </p>
        </ConfirmByName>
      )}
    </WithPreview>
  )
}

/** Asks what would happen; shows the refusal when it cannot happen. */
function WithPreview(props: {
  row: ServerRow
  title: string
  onClose: () => void
  children: (preview: FailOverPreview) => JSX.Element
}): JSX.Element {
  const { otpNode } = props.row
  const ask = (): Promise<FailOverPreview> =>
    send<FailOverPreview>('POST', `${AT_ONCE}?just_validate=1`, { otpNode })
  const { body, error } = useAnswer(ask, otpNode)
  if (body) return props.children(body)
  return (
    <Dialog title={props.title} onClose={props.onClose}>
      {error ? (
        <Note tone="bad" urgent>
          {error.message}
        </Note>
      ) : (
        <Skeleton heightRem={FRAME_REM} />
      )}
    </Dialog>
  )
}

function Effects({ preview }: { preview: FailOverPreview }): JSX.Element {
  const { vBuckets, shardsWithoutCopy, itemsLost, message } = preview
  const buckets = [...new Set(shardsWithoutCopy.map(({ bucket }) => bucket))]
  const isLoss = shardsWithoutCopy.length > 0
  return (
    <div class="stack">
      <Figures>
        <Figure
          name="Active vBuckets"
          value={count(vBuckets.active)}
          detail="led by other servers then"
        />
        <Figure name="Replica vBuckets" value={count(vBuckets.replica)} detail="copies that go" />
        <Figure
          name="Items without a copy"
          value={count(itemsLost)}
          detail={
            isLoss
              ? `${counted(shardsWithoutCopy.length, 'shard')} of ${buckets.join(', ')}`
              : 'every shard has another copy'
          }
        />
      </Figures>
      <Note tone={isLoss ? 'bad' : 'plain'}>{message}</Note>
    </div>
  )
}
