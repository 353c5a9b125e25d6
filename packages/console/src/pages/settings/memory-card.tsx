import type { JSX } from 'preact'
import { ApiLink } from '../../parts/api-link.tsx'
import { Card } from '../../parts/card.tsx'
import { Field } from '../../parts/field.tsx'
import { Form, FormEnd } from '../../parts/form.tsx'
import { toast } from '../../parts/toast.tsx'
import { bytes } from '../../parts/units.ts'
import { Shown } from '../../parts/watched.tsx'
import { useWatch } from '../../rest/live.ts'
import { send } from '../../rest/request.ts'
import { RestError } from '../../rest/rest-error.ts'
import type { Pool } from '../../rest/types.ts'

const PATH = '/pools/default'

/** What all buckets together may take on a node. */
export function MemoryCard(): JSX.Element {
  const pool = useWatch<Pool>(PATH)
  return (
    <Card title="Memory" actions={<ApiLink path={PATH} of="memory quota" />}>
      <Shown of={pool} heightRem={9}>
        {({ memoryQuota, storageTotals }) => (
          <Form label="Memory" onSend={save}>
            <Field
              name="memoryQuota"
              label="For buckets, on each node"
              type="number"
              unit="MB"
              min={256}
              value={memoryQuota}
              hint={`Buckets have ${bytes(storageTotals.ram.quotaUsed)} of the ${bytes(
                storageTotals.ram.quotaTotal,
              )} of all nodes.`}
            />
            <FormEnd send="Save" />
          </Form>
        )}
      </Shown>
    </Card>
  )
}

/** The REST says what is wrong as a list of sentences; here is one field for all of them. */
async function save(values: Record<string, string>): Promise<void> {
  try {
    await send('POST', PATH, values)
  } catch (cause) {
    const error = RestError.of(cause)
    if (error.status !== 400) throw error
    throw new RestError(400, { errors: { memoryQuota: error.message } }, { cause })
  }
  toast('The memory quota is saved.')
}
