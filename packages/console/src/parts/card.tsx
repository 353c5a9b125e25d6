import type { ComponentChildren, JSX } from 'preact'
import { useId } from 'preact/hooks'

/** A titled part of a page; a landmark of its own for screen readers. */
export function Card(props: {
  title?: ComponentChildren
  actions?: ComponentChildren
  children: ComponentChildren
  class?: string
}): JSX.Element {
  const id = useId()
  const { title, actions } = props
  return (
    <section class={`card ${props.class ?? ''}`} aria-labelledby={title ? id : undefined}>
      {title ? (
        <div class="card-head">
          <h2 id={id}>{title}</h2>
          {actions ? <div class="actions">{actions}</div> : null}
        </div>
      ) : null}
      {props.children}
    </section>
  )
}
