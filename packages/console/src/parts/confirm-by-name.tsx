/**
 * Asks before something that cannot be undone: says in figures what will happen, and wants the name
 * typed. The figures come from the REST's own answer to "what would happen".
 */
import type { ComponentChildren, JSX } from 'preact'
import { useState } from 'preact/hooks'
import { Button } from './button.tsx'
import { Dialog } from './dialog.tsx'
import { Field } from './field.tsx'
import { Form, FormEnd } from './form.tsx'

export function ConfirmByName(props: {
  title: string
  /** What will happen, in figures. */
  children: ComponentChildren
  /** What must be typed, such as the bucket's name. */
  name: string
  /** What the name is of: "bucket", "node". */
  kind: string
  action: string
  onConfirm: () => Promise<void>
  onClose: () => void
}): JSX.Element {
  const [typed, setTyped] = useState('')
  const { name, kind } = props
  const send = async (): Promise<void> => {
    if (typed !== name) return
    await props.onConfirm()
    props.onClose()
  }
  return (
    <Dialog title={props.title} onClose={props.onClose}>
      <Form onSend={send}>
        <div class="stack tight">{props.children}</div>
        <Field
          name="confirmed-name"
          label={`Type the name of the ${kind} to go on`}
          hint={<code>{name}</code>}
          onInput={(value) => setTyped(value.trim())}
        />
        <FormEnd send={props.action} danger disabled={typed !== name}>
          <Button onPress={props.onClose}>Cancel</Button>
        </FormEnd>
      </Form>
    </Dialog>
  )
}
