import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import { Button } from '../../parts/button.tsx'
import { Dialog } from '../../parts/dialog.tsx'
import { Form, FormEnd, type FormValues } from '../../parts/form.tsx'
import { toast } from '../../parts/toast.tsx'
import { send } from '../../rest/request.ts'
import type { Bucket } from '../../rest/types.ts'
import { useBucketCheck } from './bucket-check.ts'
import { AccessFields, CopiesFields, KeepingFields, MemoryFields } from './bucket-fields.tsx'
import { formOf, touchedErrors, valuesOfBucket } from './bucket-form-values.ts'
import { pathOf } from './bucket-path.ts'

/** The form that changes a bucket while it serves; it starts from what the bucket is at opening. */
export function EditBucket(props: { bucket: Bucket; onClose: () => void }): JSX.Element {
  const [bucket] = useState(props.bucket)
  const [start] = useState(() => valuesOfBucket(bucket))
  const [values, setValues] = useState<FormValues>(start)
  const path = pathOf(bucket.name)
  const isCache = bucket.bucketType === 'memcached'
  const [checked, check] = useBucketCheck(path, {})
  const edit = (typed: FormValues): void => {
    setValues({ ...values, ...typed })
    check(formOf(typed))
  }
  const change = async (typed: FormValues): Promise<void> => {
    await send('POST', path, formOf(typed))
    toast(`Bucket ${bucket.name} was changed.`)
    props.onClose()
  }
  const errors = touchedErrors(checked.errors, start, values)
  const fields = { start, values, checked, errors }
  return (
    <Dialog title={`Edit bucket ${bucket.name}`} onClose={props.onClose} wide>
      <Form onSend={change} onEdit={edit} label={`Edit bucket ${bucket.name}`}>
        <MemoryFields {...fields} isFixed={isCache} />
        {isCache ? null : <CopiesFields {...fields} />}
        {isCache ? null : <KeepingFields {...fields} />}
        {bucket.name === 'default' ? null : (
          <AccessFields {...fields} hasPassword={bucket.hasPassword} isChange />
        )}
        <FormEnd send="Save">
          <Button onPress={props.onClose}>Cancel</Button>
        </FormEnd>
      </Form>
    </Dialog>
  )
}
