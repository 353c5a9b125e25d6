import type { JSX } from 'preact'
import { pages } from '../pages/index.ts'
import { Icon } from '../parts/icons.tsx'
import { href, route } from '../router.ts'

/** The pages; on narrow screens behind the menu button. */
export function Navigation(props: { open: boolean; onChoose: () => void }): JSX.Element {
  return (
    <nav id="navigation" class={`shell-nav ${props.open ? 'open' : ''}`} aria-label="Pages">
      <ul>
        {pages.map(({ word, title, icon }) => (
          <li key={word}>
            <a
              href={href(word)}
              aria-current={route.value.page === word ? 'page' : undefined}
              onClick={props.onChoose}
            >
              <Icon name={icon} />
              {title}
            </a>
          </li>
        ))}
      </ul>
    </nav>
  )
}
