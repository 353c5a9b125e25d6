/** How much memory of each node the buckets may take together. */
import type { JSX } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { Field } from '../../parts/field.tsx'
import { Form, FormEnd, type FormValues } from '../../parts/form.tsx'
import { Skeleton } from '../../parts/skeleton.tsx'
import { bytes } from '../../parts/units.ts'
import { read, send } from '../../rest/request.ts'
import { RestError } from '../../rest/rest-error.ts'
import type { NodeDetail } from '../../rest/types.ts'
import { wizardStep } from './wizard-step.ts'

const MEGABYTE = 1024 * 1024
const SHARE_PROPOSED = 0.6

export function MemoryStep(): JSX.Element {
  const [node, setNode] = useState<NodeDetail | null>(null)
  const [error, setError] = useState<RestError | null>(null)
  useEffect(() => {
    const ask = async (): Promise<void> => {
      try {
        setNode(await read<NodeDetail>('/nodes/self'))
      } catch (cause) {
        setError(RestError.of(cause))
      }
    }
    void ask()
  }, [])
  if (!node && !error) return <Skeleton heightRem={11} />
  const totalBytes = node?.memoryTotal ?? 0
  const proposed = Math.floor((totalBytes / MEGABYTE) * SHARE_PROPOSED)
  return (
    <Form label="Memory" onSend={setQuota}>
      <p class="quiet">
        All buckets share this memory. It is the same on every node, so the node with least memory
        sets the bound.
      </p>
      <Field
        name="memoryQuota"
        label="Memory per node"
        type="number"
        min={256}
        unit="MB"
        value={node?.memoryQuota || proposed}
        hint={totalBytes > 0 ? `This node has ${bytes(totalBytes)}.` : undefined}
        autoFocus
      />
      <FormEnd send="Next" />
    </Form>
  )
}

async function setQuota({ memoryQuota }: FormValues): Promise<void> {
  try {
    await send('POST', '/pools/default', { memoryQuota })
  } catch (cause) {
    const { status, message } = RestError.of(cause)
    throw new RestError(status, { errors: { memoryQuota: message } })
  }
  wizardStep.value = 'bucket'
}
