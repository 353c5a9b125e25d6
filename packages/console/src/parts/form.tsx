/**
 * A form that sends to the REST and shows its errors where they belong: each at the field that the
 * REST names, what no field claims at the top. Nothing that was typed is lost by an error. Fields
 * are found by their `name`; the first wrong one gets the focus.
 */
import { type ComponentChildren, createContext, type JSX } from 'preact'
import { useContext, useLayoutEffect, useRef, useState } from 'preact/hooks'
import { RestError } from '../rest/rest-error.ts'
import { Button } from './button.tsx'
import { Note } from './note.tsx'

export type FormValues = Record<string, string>

interface FormState {
  errors: Readonly<Record<string, string>>
  busy: boolean
}

const FormContext = createContext<FormState>({ errors: {}, busy: false })

/** The error that the REST has told for the field of this name. */
export function useFieldError(name: string): string | undefined {
  return useContext(FormContext).errors[name]
}

export function useFormBusy(): boolean {
  return useContext(FormContext).busy
}

export interface FormProps {
  /** Sends; a RestError that it throws is shown in the form. */
  onSend: (values: FormValues) => Promise<void>
  /** Called with all values whenever one changes. */
  onEdit?: (values: FormValues) => void
  children: ComponentChildren
  label?: string
}

export function Form(props: FormProps): JSX.Element {
  const form = useRef<HTMLFormElement>(null)
  const [state, setState] = useState<FormState>({ errors: {}, busy: false })
  const [loose, setLoose] = useState<string[]>([])
  const isMounted = useRef(true)
  useLayoutEffect(() => {
    isMounted.current = true
    return () => {
      isMounted.current = false
    }
  }, [])

  const send = async (): Promise<void> => {
    if (!form.current || state.busy) return
    setState({ errors: {}, busy: true })
    setLoose([])
    let error: RestError | null = null
    try {
      await props.onSend(valuesOf(form.current))
    } catch (cause) {
      error = RestError.of(cause)
    }
    if (!isMounted.current) return
    setState({ errors: error?.fields ?? {}, busy: false })
    if (error) showErrors(error)
  }

  const showErrors = (error: RestError): void => {
    const names = new Set(Object.keys(form.current ? valuesOf(form.current, true) : {}))
    const unclaimed = Object.entries(error.fields).filter(([name]) => !names.has(name))
    const hasClaimed = unclaimed.length < Object.keys(error.fields).length
    setLoose(
      unclaimed.length > 0 ? unclaimed.map(([, text]) => text) : hasClaimed ? [] : [error.message],
    )
    requestAnimationFrame(() =>
      form.current?.querySelector<HTMLElement>('[aria-invalid=true]')?.focus(),
    )
  }

  return (
    <FormContext.Provider value={state}>
      <form
        ref={form}
        class="stack"
        noValidate
        aria-label={props.label}
        onSubmit={(event) => {
          event.preventDefault()
          void send()
        }}
        onInput={() => form.current && props.onEdit?.(valuesOf(form.current))}
      >
        {loose.length > 0 ? (
          <Note tone="bad" urgent>
            {loose.map((text) => (
              <p key={text}>{text}</p>
            ))}
          </Note>
        ) : null}
        {props.children}
      </form>
    </FormContext.Provider>
  )
}

/** Values by name; a check box gives `true` or `false`, as the REST wants it. */
export function valuesOf(form: HTMLFormElement, withDisabled = false): FormValues {
  const values: FormValues = {}
  for (const element of form.elements) {
    const isField =
      element instanceof HTMLInputElement ||
      element instanceof HTMLSelectElement ||
      element instanceof HTMLTextAreaElement
    if (!isField || element.name === '' || (element.disabled && !withDisabled)) continue
    if (element instanceof HTMLInputElement && element.type === 'checkbox') {
      values[element.name] = String(element.checked)
    } else if (element instanceof HTMLInputElement && element.type === 'radio') {
      if (element.checked) values[element.name] = element.value
    } else {
      values[element.name] = element.value
    }
  }
  return values
}

/** The button that sends, and others beside it. */
export function FormEnd(props: {
  send: string
  danger?: boolean
  disabled?: boolean
  children?: ComponentChildren
}): JSX.Element {
  const busy = useFormBusy()
  return (
    <div class="form-end">
      {props.children}
      <Button
        submit
        kind={props.danger ? 'danger-solid' : 'primary'}
        busy={busy}
        disabled={props.disabled}
      >
        {props.send}
      </Button>
    </div>
  )
}
