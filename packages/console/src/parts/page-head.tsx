import type { ComponentChildren, JSX } from 'preact'

/** The one h1 of a page, with its actions. The shell focuses it when the page has changed. */
export function PageHead(props: {
  title: ComponentChildren
  children?: ComponentChildren
  actions?: ComponentChildren
}): JSX.Element {
  return (
    <div class="page-head">
      <h1 tabIndex={-1}>{props.title}</h1>
      {props.children}
      {props.actions ? <div class="actions">{props.actions}</div> : null}
    </div>
  )
}
