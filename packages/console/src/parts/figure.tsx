import type { ComponentChildren, JSX } from 'preact'

/** A row of figures. */
export function Figures({ children }: { children: ComponentChildren }): JSX.Element {
  return <div class="figures">{children}</div>
}

/** A number that matters, its name above it and what explains it below. */
export function Figure(props: {
  name: string
  value: ComponentChildren
  detail?: ComponentChildren
}): JSX.Element {
  return (
    <dl class="figure">
      <dt>{props.name}</dt>
      <dd>{props.value}</dd>
      {props.detail === undefined ? null : <dd class="detail">{props.detail}</dd>}
    </dl>
  )
}

/** Terms and what they are, line by line. */
export function Terms(props: {
  list: readonly (readonly [name: string, value: ComponentChildren])[]
}): JSX.Element {
  return (
    <dl class="terms">
      {props.list.map(([name, value]) => [
        <dt key={`${name} term`}>{name}</dt>,
        <dd key={name}>{value}</dd>,
      ])}
    </dl>
  )
}
