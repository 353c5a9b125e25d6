/** The form that makes a bucket; what it would mean is said while it is filled in. */
import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import { Button } from '../../parts/button.tsx'
import { Dialog } from '../../parts/dialog.tsx'
import { Field, RadioField } from '../../parts/field.tsx'
import { Form, FormEnd, type FormValues } from '../../parts/form.tsx'
import { toast } from '../../parts/toast.tsx'
import { send } from '../../rest/request.ts'
import { go } from '../../router.ts'
import { useBucketCheck } from './bucket-check.ts'
import { AccessFields, CopiesFields, KeepingFields, MemoryFields } from './bucket-fields.tsx'
import { formOf, NEW_BUCKET, touchedErrors } from './bucket-form-values.ts'
import { TYPES } from './setting-words.ts'

const BUCKETS = '/pools/default/buckets'
const SHARDS_MAX = 64

export function CreateBucket({ onClose }: { onClose: () => void }): JSX.Element {
  const [values, setValues] = useState<FormValues>(NEW_BUCKET)
  const [checked, check] = useBucketCheck(BUCKETS, formOf(NEW_BUCKET))
  const edit = (typed: FormValues): void => {
    setValues({ ...values, ...typed })
    check(formOf(typed))
  }
  const create = async (typed: FormValues): Promise<void> => {
    await send('POST', BUCKETS, formOf(typed))
    toast(`Bucket ${typed.name} is being made.`)
    onClose()
    go('buckets', typed.name)
  }
  const errors = touchedErrors(checked.errors, NEW_BUCKET, values)
  const fields = { start: NEW_BUCKET, values, checked, errors }
  const isCache = values.bucketType === 'memcached'
  return (
    <Dialog title="Create a bucket" onClose={onClose} wide>
      <Form onSend={create} onEdit={edit} label="Create a bucket">
        <div class="columns form-columns">
          <Field
            name="name"
            label="Name"
            required
            autoFocus
            hint="Letters, digits and . _ - %; it cannot be changed."
            {...(errors.name === undefined ? {} : { error: errors.name })}
          />
          <RadioField
            name="bucketType"
            label="Type"
            options={TYPES}
            value={NEW_BUCKET.bucketType ?? ''}
          />
        </div>
        <MemoryFields {...fields}>
          <Field
            name="shards"
            label="Shards"
            type="number"
            min={1}
            max={SHARDS_MAX}
            value={NEW_BUCKET.shards ?? ''}
            hint="Parts that are placed and moved as one; more use more cores."
            {...(errors.shards === undefined ? {} : { error: errors.shards })}
          />
        </MemoryFields>
        {isCache ? null : <CopiesFields {...fields} />}
        {isCache ? null : <KeepingFields {...fields} />}
        {values.name === 'default' ? null : <AccessFields {...fields} />}
        <FormEnd send="Create">
          <Button onPress={onClose}>Cancel</Button>
        </FormEnd>
      </Form>
    </Dialog>
  )
}
