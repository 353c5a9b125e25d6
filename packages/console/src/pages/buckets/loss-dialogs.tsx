/**
 * Flushing and deleting a bucket: what would be gone is asked of the REST and said in figures, and
 * the bucket's name is wanted before anything happens.
 */
import type { ComponentChildren, JSX } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { ConfirmByName } from '../../parts/confirm-by-name.tsx'
import { Note } from '../../parts/note.tsx'
import { Skeleton } from '../../parts/skeleton.tsx'
import { toast } from '../../parts/toast.tsx'
import { bytes, counted } from '../../parts/units.ts'
import { useWatch } from '../../rest/live.ts'
import { send } from '../../rest/request.ts'
import { RestError } from '../../rest/rest-error.ts'
import type { Bucket, BucketLoss, NodeStats } from '../../rest/types.ts'
import { go } from '../../router.ts'
import { pathOf } from './bucket-path.ts'

interface DialogProps {
  bucket: Bucket
  onClose: () => void
}

export function FlushBucket({ bucket, onClose }: DialogProps): JSX.Element {
  const { name } = bucket
  const flush = async (): Promise<void> => {
    await send('POST', `${pathOf(name)}/controller/doFlush`)
    toast(`Bucket ${name} is empty.`)
  }
  return (
    <ConfirmByName
      title={`Flush bucket ${name}`}
      name={name}
      kind="bucket"
      action="Flush"
      onConfirm={flush}
      onClose={onClose}
    >
      <Loss name={name}>
        {({ items }) => (
          <>
            <strong>{counted(items, 'item')}</strong> will be removed, on all servers and with all
            copies. The bucket stays, with its settings. This cannot be undone.
          </>
        )}
      </Loss>
    </ConfirmByName>
  )
}

export function DeleteBucket({ bucket, onClose }: DialogProps): JSX.Element {
  const { name } = bucket
  const { body } = useWatch<NodeStats>(`${pathOf(name)}/stats/ops?zoom=minute`).value
  const remove = async (): Promise<void> => {
    await send('DELETE', pathOf(name))
    toast(`Bucket ${name} was deleted.`)
    go('buckets')
  }
  return (
    <ConfirmByName
      title={`Delete bucket ${name}`}
      name={name}
      kind="bucket"
      action="Delete"
      onConfirm={remove}
      onClose={onClose}
    >
      <Loss name={name}>
        {({ items, memoryBytes, diskBytes }) => (
          <>
            <strong>{counted(items, 'item')}</strong> will be gone, {bytes(memoryBytes)} in memory
            {diskBytes > 0 ? ` and ${bytes(diskBytes)} on disk` : ''}, with all copies and settings.
            This cannot be undone. Applications that use the bucket, at the moment{' '}
            {counted(opsOf(body), 'time')} a second, will get errors.
          </>
        )}
      </Loss>
    </ConfirmByName>
  )
}

/** Of all servers, in the last second. */
function opsOf(stats: NodeStats | null): number {
  return Object.values(stats?.nodeStats ?? {}).reduce((sum, track) => sum + (track.at(-1) ?? 0), 0)
}

/** What would be gone, as the REST counts it. */
function Loss(props: {
  name: string
  children: (loss: BucketLoss) => ComponentChildren
}): JSX.Element {
  const { name } = props
  const [loss, setLoss] = useState<BucketLoss | null>(null)
  const [error, setError] = useState<RestError | null>(null)
  useEffect(() => {
    const ask = async (): Promise<void> => {
      try {
        setLoss(await send<BucketLoss>('DELETE', `${pathOf(name)}?just_validate=1`))
      } catch (cause) {
        setError(RestError.of(cause))
      }
    }
    void ask()
  }, [name])
  if (error) return <Note tone="bad">{error.message}</Note>
  if (!loss) return <Skeleton heightRem={4} />
  return (
    <Note tone="bad">
      <p>{props.children(loss)}</p>
    </Note>
  )
}
