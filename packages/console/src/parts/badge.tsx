import type { ComponentChildren, JSX } from 'preact'
import { Icon } from './icons.tsx'
import { TONE_ICONS, type Tone } from './tone.ts'

/** A state in a word, with the icon and the colour of its tone. */
export function Badge(props: { tone?: Tone; children: ComponentChildren }): JSX.Element {
  const { tone = 'plain', children } = props
  return (
    <span class={`badge ${tone === 'plain' ? 'plain' : `tone-${tone}`}`}>
      {tone === 'plain' ? null : <Icon name={TONE_ICONS[tone]} size={13} />}
      {children}
    </span>
  )
}
