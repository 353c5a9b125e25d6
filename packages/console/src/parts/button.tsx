/** Buttons: what does something, and links that look like it. */
import type { ComponentChildren, JSX, Ref } from 'preact'
import { Icon, type IconName } from './icons.tsx'

export interface ButtonProps {
  children?: ComponentChildren
  kind?: 'primary' | 'danger' | 'danger-solid' | 'quiet' | 'plain'
  small?: boolean
  icon?: IconName
  /** Name for screen readers; needed where there are no children. */
  label?: string
  /** Under way: shown as such, and further presses do nothing. */
  busy?: boolean
  disabled?: boolean
  submit?: boolean
  onPress?: () => void
  expanded?: boolean
  controls?: string
  inputRef?: Ref<HTMLButtonElement>
}

const CLASSES = {
  primary: 'primary',
  danger: 'danger',
  'danger-solid': 'danger solid',
  quiet: 'quiet-button',
  plain: '',
}

export function Button(props: ButtonProps): JSX.Element {
  const { kind = 'plain', icon, busy = false, children, label } = props
  const classes = ['button', CLASSES[kind]]
  if (props.small) classes.push('small-button')
  if (children === undefined) classes.push('icon-only')
  const name = busy ? 'turn' : icon
  return (
    <button
      ref={props.inputRef ?? null}
      type={props.submit ? 'submit' : 'button'}
      class={classes.filter(Boolean).join(' ')}
      aria-label={label}
      title={children === undefined ? label : undefined}
      aria-disabled={busy || undefined}
      aria-busy={busy || undefined}
      aria-expanded={props.expanded}
      aria-controls={props.controls}
      disabled={props.disabled}
      onClick={(event) => {
        if (busy) event.preventDefault()
        else props.onPress?.()
      }}
    >
      {name ? <Icon name={name} /> : null}
      {children}
    </button>
  )
}

/** A link that looks like a button: it leads somewhere and changes nothing. */
export function ButtonLink(props: {
  href: string
  kind?: 'primary' | 'plain' | 'quiet'
  small?: boolean
  icon?: IconName
  children: ComponentChildren
}): JSX.Element {
  const { kind = 'plain', icon, small } = props
  return (
    <a class={`button ${CLASSES[kind]} ${small ? 'small-button' : ''}`} href={props.href}>
      {icon ? <Icon name={icon} /> : null}
      {props.children}
    </a>
  )
}
