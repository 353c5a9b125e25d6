import type { ComponentChildren, JSX } from 'preact'
import { Icon, type IconName } from './icons.tsx'
import { TONE_ICONS, type Tone } from './tone.ts'

/** A sentence or two that matter here. `urgent` ones are read out when they appear. */
export function Note(props: {
  tone?: Tone
  urgent?: boolean
  children: ComponentChildren
}): JSX.Element {
  const { tone = 'plain' } = props
  return (
    <div class={`note tone-${tone}`} role={props.urgent ? 'alert' : undefined}>
      <Icon name={TONE_ICONS[tone]} />
      <div>{props.children}</div>
    </div>
  )
}

/** Nothing is here yet: what that means and what to do. */
export function Empty(props: {
  icon?: IconName
  title: string
  children?: ComponentChildren
  action?: ComponentChildren
}): JSX.Element {
  return (
    <div class="empty">
      <Icon name={props.icon ?? 'note'} size={28} />
      <p>
        <strong>{props.title}</strong>
      </p>
      {props.children ? <div class="quiet">{props.children}</div> : null}
      {props.action}
    </div>
  )
}
