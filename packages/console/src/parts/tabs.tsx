/** Tabs after the ARIA pattern: arrow keys move, one tab stop, the panel is named by its tab. */
import type { ComponentChildren, JSX } from 'preact'
import { useId, useRef, useState } from 'preact/hooks'

export interface Tab {
  name: string
  content: () => ComponentChildren
}

/** Which tab is open is kept here, or by the page: then it gives `current` and hears of changes. */
export function Tabs(props: {
  label: string
  tabs: readonly Tab[]
  current?: number
  onChange?: (index: number) => void
}): JSX.Element {
  const { tabs } = props
  const id = useId()
  const [own, setOwn] = useState(0)
  const current = props.current ?? own
  const setCurrent = (index: number): void => {
    setOwn(index)
    props.onChange?.(index)
  }
  const list = useRef<HTMLDivElement>(null)
  const move = (to: number): void => {
    const index = (to + tabs.length) % tabs.length
    setCurrent(index)
    list.current?.querySelectorAll<HTMLElement>('[role=tab]')[index]?.focus()
  }
  const onKey = (event: KeyboardEvent): void => {
    const to = { ArrowRight: current + 1, ArrowLeft: current - 1, Home: 0, End: tabs.length - 1 }[
      event.key
    ]
    if (to === undefined) return
    event.preventDefault()
    move(to)
  }
  return (
    <div>
      <div class="tab-list" role="tablist" aria-label={props.label} ref={list} onKeyDown={onKey}>
        {tabs.map((tab, index) => (
          <button
            key={tab.name}
            type="button"
            role="tab"
            class="tab"
            id={`${id}-tab-${index}`}
            aria-selected={index === current}
            aria-controls={`${id}-panel`}
            tabIndex={index === current ? 0 : -1}
            onClick={() => setCurrent(index)}
          >
            {tab.name}
          </button>
        ))}
      </div>
      <div id={`${id}-panel`} role="tabpanel" aria-labelledby={`${id}-tab-${current}`}>
        {tabs[current]?.content()}
      </div>
    </div>
  )
}

/** One of a few, such as a period: a row of buttons that stay pressed. */
export function Choice<T extends string>(props: {
  label: string
  options: readonly (readonly [value: T, name: string])[]
  value: T
  onChange: (value: T) => void
}): JSX.Element {
  return (
    <fieldset class="choice">
      <legend class="unseen">{props.label}</legend>
      {props.options.map(([value, name]) => (
        <button
          key={value}
          type="button"
          aria-pressed={value === props.value}
          onClick={() => props.onChange(value)}
        >
          {name}
        </button>
      ))}
    </fieldset>
  )
}
