/** The browser's own modal dialog: it keeps the focus inside, closes by Escape and gives it back. */
import type { ComponentChildren, JSX } from 'preact'
import { useEffect, useId, useRef } from 'preact/hooks'
import { Button } from './button.tsx'

export function Dialog(props: {
  title: ComponentChildren
  onClose: () => void
  wide?: boolean
  children: ComponentChildren
}): JSX.Element {
  const id = useId()
  const dialog = useRef<HTMLDialogElement>(null)
  useEffect(() => {
    const element = dialog.current
    const opener = document.activeElement
    if (element && !element.open) element.showModal()
    return () => {
      element?.close()
      if (opener instanceof HTMLElement && opener.isConnected) opener.focus()
    }
  }, [])
  return (
    <dialog
      ref={dialog}
      class={`dialog ${props.wide ? 'wide' : ''}`}
      aria-labelledby={id}
      onCancel={(event) => {
        event.preventDefault()
        props.onClose()
      }}
    >
      <div class="dialog-head">
        <h2 id={id}>{props.title}</h2>
        <Button kind="quiet" small icon="close" label="Close" onPress={props.onClose} />
      </div>
      <div class="dialog-body">{props.children}</div>
    </dialog>
  )
}
