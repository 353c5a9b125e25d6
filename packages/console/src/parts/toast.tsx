/** Short words on what has happened. Read out politely; failures stay until they are put away. */
import { type Signal, signal } from '@preact/signals'
import type { JSX } from 'preact'
import { Button } from './button.tsx'
import { Icon } from './icons.tsx'

const TOASTS_MAX = 4
const SHOWN_MS = 6000

interface Toast {
  id: number
  tone: 'good' | 'bad'
  text: string
}

const toasts: Signal<Toast[]> = signal([])
let lastId = 0

/** Says what has happened. */
export function toast(text: string, tone: Toast['tone'] = 'good'): void {
  const id = ++lastId
  toasts.value = [...toasts.value, { id, tone, text }].slice(-TOASTS_MAX)
  if (tone === 'good') setTimeout(() => putAway(id), SHOWN_MS)
}

function putAway(id: number): void {
  toasts.value = toasts.value.filter((one) => one.id !== id)
}

/** The place of toasts: once, in the shell. */
export function Toasts(): JSX.Element {
  return (
    <div class="toasts" role="status" aria-live="polite">
      {toasts.value.map(({ id, tone, text }) => (
        <div key={id} class={`toast toast-${tone}`}>
          <Icon name={tone === 'good' ? 'good' : 'failed'} />
          <p>{text}</p>
          <Button kind="quiet" small icon="close" label="Put away" onPress={() => putAway(id)} />
        </div>
      ))}
    </div>
  )
}
