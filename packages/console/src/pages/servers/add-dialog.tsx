/** Adding a server, and taking that back while it holds nothing. */
import type { JSX } from 'preact'
import { Button } from '../../parts/button.tsx'
import { Dialog } from '../../parts/dialog.tsx'
import { Field, SelectField } from '../../parts/field.tsx'
import { Form, FormEnd, type FormValues } from '../../parts/form.tsx'
import { Note } from '../../parts/note.tsx'
import { toast } from '../../parts/toast.tsx'
import { send } from '../../rest/request.ts'
import { RestError } from '../../rest/rest-error.ts'
import type { ServerGroups } from '../../rest/types.ts'
import type { ServerRow } from './server-row.ts'

/** Adds a server. Its data is gone then, so that is said before anything else. */
export function AddDialog(props: {
  groups: ServerGroups | null
  onClose: () => void
}): JSX.Element {
  const { onClose } = props
  const groups = props.groups?.groups ?? []
  const add = async ({ group, hostname = '', ...login }: FormValues): Promise<void> => {
    const path = groups.find((one) => one.name === group)?.addNodeURI ?? '/controller/addNode'
    try {
      await send('POST', path, { hostname: hostname.trim(), ...login })
    } catch (cause) {
      throw atField(RestError.of(cause))
    }
    toast(`${hostname} is added. It gets data with the next rebalance.`)
    onClose()
  }
  return (
    <Dialog title="Add a server" onClose={onClose}>
      <Form onSend={add}>
        <Note tone="warning">
          Whatever the other server keeps is wiped when it is added. It gets data with the next
          rebalance; the cluster serves as before meanwhile.
        </Note>
        <Field
          name="hostname"
          label="Server"
          placeholder="10.0.0.4:8091"
          hint="Host and port of its REST; 8091 when only the host is given."
          autoFocus
        />
        <div class="server-pair">
          <Field name="user" label="User there" hint="Where it has an admin of its own." />
          <Field name="password" type="password" label="Password there" />
        </div>
        {groups.length > 1 ? (
          <SelectField
            name="group"
            label="Server group"
            hint="Copies of a shard are kept in different groups."
            options={groups.map(({ name }) => [name, name] as const)}
          />
        ) : null}
        <FormEnd send="Add the server">
          <Button onPress={onClose}>Cancel</Button>
        </FormEnd>
      </Form>
    </Dialog>
  )
}

/** The REST refuses in sentences; each belongs to one of the fields. */
function atField(error: RestError): RestError {
  if (error.status !== 400 || Object.keys(error.fields).length > 0) return error
  const field = /authentication/i.test(error.message) ? 'password' : 'hostname'
  return new RestError(error.status, { errors: { [field]: error.message } })
}

/** Takes back the adding of a server that holds nothing yet. */
export function CancelAddDialog(props: { row: ServerRow; onClose: () => void }): JSX.Element {
  const { hostname, otpNode } = props.row
  const cancel = async (): Promise<void> => {
    await send('POST', '/controller/ejectNode', { otpNode })
    toast(`${hostname} is no member any more.`)
    props.onClose()
  }
  return (
    <Dialog title={`Cancel adding ${hostname}`} onClose={props.onClose}>
      <Form onSend={cancel}>
        <p>It holds no data of the cluster yet. It goes on alone, empty.</p>
        <FormEnd send="Take it out">
          <Button onPress={props.onClose}>Leave it in</Button>
        </FormEnd>
      </Form>
    </Dialog>
  )
}
