/** Server groups: made, named, and filled with servers. */
import type { JSX } from 'preact'
import { Button } from '../../parts/button.tsx'
import { Dialog } from '../../parts/dialog.tsx'
import { Field, SelectField } from '../../parts/field.tsx'
import { Form, FormEnd, type FormValues } from '../../parts/form.tsx'
import { toast } from '../../parts/toast.tsx'
import { send, sendJson } from '../../rest/request.ts'
import type { ServerGroups } from '../../rest/types.ts'
import { GROUPS } from './groups-card.tsx'
import type { ServerRow } from './server-row.ts'

/** Makes a group, or gives one another name. */
export function GroupNameDialog(props: { old?: string; onClose: () => void }): JSX.Element {
  const { old, onClose } = props
  const save = async ({ name = '' }: FormValues): Promise<void> => {
    if (old === undefined) await send('POST', GROUPS, { name })
    else await send('PUT', `${GROUPS}/${encodeURIComponent(old)}`, { name })
    toast(old === undefined ? `Group ${name} is there: move servers to it.` : 'Renamed.')
    onClose()
  }
  return (
    <Dialog title={old === undefined ? 'New server group' : `Rename ${old}`} onClose={onClose}>
      <Form onSend={save}>
        <Field name="name" label="Name" value={old ?? ''} hint="Such as rack 2." autoFocus />
        <FormEnd send={old === undefined ? 'Make the group' : 'Rename'}>
          <Button onPress={onClose}>Cancel</Button>
        </FormEnd>
      </Form>
    </Dialog>
  )
}

/** Which server is in which group, all at once. */
export function MoveGroupsDialog(props: {
  groups: ServerGroups['groups']
  rows: readonly ServerRow[]
  onClose: () => void
}): JSX.Element {
  const { groups, rows, onClose } = props
  const move = async (values: FormValues): Promise<void> => {
    const moved = rows.filter((row) => values[row.otpNode] !== row.serverGroup)
    if (moved.length > 0) {
      const wanted = groups.map(({ name, uri }) => ({
        uri,
        nodes: moved
          .filter(({ otpNode }) => values[otpNode] === name)
          .map(({ otpNode }) => ({ otpNode })),
      }))
      await sendJson('PUT', GROUPS, { groups: wanted.filter(({ nodes }) => nodes.length > 0) })
      toast('Moved. Copies follow where that keeps them in different groups.')
    }
    onClose()
  }
  const options = groups.map(({ name }) => [name, name] as const)
  return (
    <Dialog title="Move servers between groups" onClose={onClose}>
      <Form onSend={move}>
        {rows.map(({ otpNode, hostname, serverGroup }) => (
          <SelectField
            key={otpNode}
            name={otpNode}
            label={hostname}
            value={serverGroup}
            options={options}
          />
        ))}
        <FormEnd send="Move">
          <Button onPress={onClose}>Cancel</Button>
        </FormEnd>
      </Form>
    </Dialog>
  )
}
