/** A first bucket, or none yet. */
import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import { Button } from '../../parts/button.tsx'
import { Field, RadioField, SelectField } from '../../parts/field.tsx'
import { Form, FormEnd, type FormValues } from '../../parts/form.tsx'
import { toast } from '../../parts/toast.tsx'
import { send } from '../../rest/request.ts'
import { go } from '../../router.ts'
import { wizardStep } from './wizard-step.ts'

export function BucketStep(): JSX.Element {
  const [type, setType] = useState('membase')
  return (
    <Form label="First bucket" onSend={createBucket}>
      <p class="quiet">
        A bucket holds the sessions of one or more applications. More of them, and all other
        settings, are on the Buckets page.
      </p>
      <Field name="name" label="Name" value="sessions" autoFocus />
      <RadioField
        name="bucketType"
        label="Type"
        value="membase"
        onChange={setType}
        options={[
          {
            value: 'membase',
            name: 'Replicated',
            hint: 'Kept on disk, and on as many servers as wanted: survives the death of a server.',
          },
          {
            value: 'memcached',
            name: 'Cache',
            hint: 'In memory, one copy, old items make place for new ones.',
          },
        ]}
      />
      <Field
        name="ramQuotaMB"
        label="Memory per node"
        type="number"
        unit="MB"
        min={64}
        value={256}
      />
      {type === 'membase' ? (
        <SelectField
          name="replicaNumber"
          label="Copies beside the primary"
          value="1"
          hint="They are made as soon as there are servers for them."
          options={[
            ['0', 'none'],
            ['1', '1 copy'],
            ['2', '2 copies'],
            ['3', '3 copies'],
          ]}
        />
      ) : null}
      <FormEnd send="Create and finish">
        <Button onPress={finish}>Without a bucket</Button>
      </FormEnd>
    </Form>
  )
}

async function createBucket(values: FormValues): Promise<void> {
  await send('POST', '/pools/default/buckets', values)
  toast(`Bucket ${values.name} is being made.`)
  finish()
}

function finish(): void {
  wizardStep.value = null
  go('overview')
}
