/**
 * Fields of a form: label, hint, the control, and the error that the REST told for its name.
 * Uncontrolled: `value` is where it starts; the form reads the values when it sends.
 */
import type { ComponentChildren, JSX } from 'preact'
import { useId } from 'preact/hooks'
import { useFieldError } from './form.tsx'
import { Icon } from './icons.tsx'

interface Shown {
  name: string
  label: string
  hint?: ComponentChildren
  /** Takes the place of what the REST has said. */
  error?: string
  disabled?: boolean
}

export interface FieldProps extends Shown {
  value?: string | number
  type?: 'text' | 'password' | 'number' | 'email' | 'url' | 'search'
  unit?: string
  min?: number
  max?: number
  step?: number | 'any'
  required?: boolean
  autoComplete?: string
  placeholder?: string
  autoFocus?: boolean
  /** Several lines. */
  lines?: number
  onInput?: (value: string) => void
}

export function Field(props: FieldProps): JSX.Element {
  const { type = 'text', value = '', unit, lines } = props
  const frame = useFrame(props)
  const shared = {
    ...frame.control,
    class: 'input',
    required: props.required,
    disabled: props.disabled,
    autoComplete: props.autoComplete ?? 'off',
    placeholder: props.placeholder,
    spellcheck: false,
  }
  const onInput = (event: Event): void => {
    const { target } = event
    if (target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement) {
      props.onInput?.(target.value)
    }
  }
  const control = lines ? (
    <textarea {...shared} rows={lines} defaultValue={String(value)} onInput={onInput} />
  ) : (
    <input
      {...shared}
      // The types of JSX want one type at a time, as each has a role of its own.
      type={type as 'text'}
      min={props.min}
      max={props.max}
      step={props.step}
      defaultValue={String(value)}
      ref={props.autoFocus ? focusOnce : null}
      onInput={onInput}
    />
  )
  return frame.around(
    unit ? (
      <div class="with-unit">
        {control}
        <span class="quiet">{unit}</span>
      </div>
    ) : (
      control
    ),
  )
}

export function SelectField(
  props: Shown & {
    options: readonly (readonly [value: string, name: string])[]
    value?: string
    onChange?: (value: string) => void
  },
): JSX.Element {
  const frame = useFrame(props)
  return frame.around(
    <select
      {...frame.control}
      class="input"
      disabled={props.disabled}
      onChange={(event) => props.onChange?.(event.currentTarget.value)}
    >
      {props.options.map(([value, name]) => (
        <option key={value} value={value} selected={value === props.value}>
          {name}
        </option>
      ))}
    </select>,
  )
}

/** A check box; its value is `true` or `false`. */
export function CheckField(
  props: Shown & { value?: boolean; onChange?: (value: boolean) => void },
): JSX.Element {
  const frame = useFrame(props)
  return (
    <div class="field">
      <div class="check">
        <input
          {...frame.control}
          type="checkbox"
          defaultChecked={props.value ?? false}
          disabled={props.disabled}
          onChange={(event) => props.onChange?.(event.currentTarget.checked)}
        />
        <label for={frame.control.id}>{props.label}</label>
      </div>
      {frame.below}
    </div>
  )
}

/** One of a few, all of them seen with what they mean. */
export function RadioField(
  props: Shown & {
    options: readonly { value: string; name: string; hint?: ComponentChildren }[]
    value?: string
    onChange?: (value: string) => void
  },
): JSX.Element {
  const frame = useFrame(props)
  const { id } = frame.control
  return (
    <fieldset class="field" aria-describedby={frame.control['aria-describedby']}>
      <legend class="label">{props.label}</legend>
      {props.options.map(({ value, name, hint }) => (
        <div class="check" key={value}>
          <input
            type="radio"
            id={`${id}-${value}`}
            name={props.name}
            value={value}
            disabled={props.disabled}
            defaultChecked={value === props.value}
            onChange={() => props.onChange?.(value)}
          />
          <label for={`${id}-${value}`}>
            {name}
            {hint ? <span class="hint"> {hint}</span> : null}
          </label>
        </div>
      ))}
      {frame.below}
    </fieldset>
  )
}

function useFrame(props: Shown) {
  const id = useId()
  const told = useFieldError(props.name)
  const error = props.error ?? told
  const notes = [props.hint ? `${id}-hint` : '', error ? `${id}-error` : ''].filter(Boolean)
  const below = (
    <>
      {props.hint ? (
        <div class="hint" id={`${id}-hint`}>
          {props.hint}
        </div>
      ) : null}
      {error ? (
        <div class="error" id={`${id}-error`}>
          <Icon name="alert" size={14} />
          <span>{error}</span>
        </div>
      ) : null}
    </>
  )
  return {
    control: {
      id,
      name: props.name,
      'aria-describedby': notes.length > 0 ? notes.join(' ') : undefined,
      'aria-invalid': error ? ('true' as const) : undefined,
    },
    below,
    around: (control: ComponentChildren): JSX.Element => (
      <div class="field">
        <label for={id}>{props.label}</label>
        {control}
        {below}
      </div>
    ),
  }
}

function focusOnce(element: HTMLInputElement | null): void {
  element?.focus()
}
