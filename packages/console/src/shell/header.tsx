/** The bar at the top: the mark, the state of the cluster, the theme, the person. */
import type { JSX } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { HEALTH } from '../health-words.ts'
import { Badge } from '../parts/badge.tsx'
import { Button } from '../parts/button.tsx'
import { Icon, Mark } from '../parts/icons.tsx'
import { useWatch } from '../rest/live.ts'
import type { Topology } from '../rest/types.ts'
import { logOut, who } from '../rest/who.ts'
import { href } from '../router.ts'
import { switchTheme, theme } from '../theme.ts'
import { StaleBanner } from './stale-banner.tsx'

export function Header(props: { menuOpen: boolean; onMenu: () => void }): JSX.Element {
  return (
    <header class="shell-header">
      <div class="shell-bar">
        <span class="menu-button">
          <Button
            kind="quiet"
            icon="menu"
            label="Pages"
            expanded={props.menuOpen}
            controls="navigation"
            onPress={props.onMenu}
          />
        </span>
        <a class="shell-mark" href={href('overview')} aria-label="Holdfast, overview">
          <Mark />
          <span class="wide-only">Holdfast</span>
        </a>
        <HealthBadge />
        <span class="shell-space" />
        <ThemeSwitch />
        <UserMenu />
      </div>
      <StaleBanner />
    </header>
  )
}

function HealthBadge(): JSX.Element {
  const { body, staleSince } = useWatch<Topology>('/pools/default/topology').value
  const shown = body ? HEALTH[body.health.word] : null
  return (
    <div role="status" aria-live="polite">
      {shown ? (
        <a class="shell-health" href={href('overview')} aria-label={`Cluster: ${shown.word}`}>
          <Badge tone={staleSince === null ? shown.tone : 'plain'}>
            {shown.word}
            {staleSince === null ? '' : ' (stale)'}
          </Badge>
        </a>
      ) : null}
    </div>
  )
}

function ThemeSwitch(): JSX.Element {
  const isDark = theme.value === 'dark'
  return (
    <Button
      kind="quiet"
      icon={isDark ? 'sun' : 'moon'}
      label={isDark ? 'Light colours' : 'Dark colours'}
      onPress={switchTheme}
    />
  )
}

function UserMenu(): JSX.Element | null {
  const [isOpen, setOpen] = useState(false)
  const frame = useRef<HTMLDivElement>(null)
  useEffect(() => {
    if (!isOpen) return
    const closeOutside = (event: Event): void => {
      if (event.target instanceof Node && !frame.current?.contains(event.target)) setOpen(false)
    }
    addEventListener('pointerdown', closeOutside)
    addEventListener('focusin', closeOutside)
    return () => {
      removeEventListener('pointerdown', closeOutside)
      removeEventListener('focusin', closeOutside)
    }
  }, [isOpen])
  const person = who.value
  if (!person?.user) return null
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: Escape from any control inside closes it
    <div
      class="menu"
      ref={frame}
      onKeyDown={(event) => {
        if (event.key !== 'Escape' || !isOpen) return
        setOpen(false)
        frame.current?.querySelector('button')?.focus()
      }}
    >
      <Button
        kind="quiet"
        expanded={isOpen}
        controls={isOpen ? 'user-menu' : undefined}
        label={`User ${person.user}`}
        onPress={() => setOpen(!isOpen)}
      >
        <Icon name="session" />
        <span class="wide-only">{person.user}</span>
        <Icon name="down" size={12} />
      </Button>
      {isOpen ? (
        <div id="user-menu" class="menu-list stack tight">
          <p>
            <strong>{person.user}</strong>
            <br />
            <span class="quiet small">
              {person.role === 'admin' ? 'Admin' : 'Reader: may look, may change nothing'}
            </span>
          </p>
          <p class="quiet small">
            Node {person.node}, version {person.version}
          </p>
          <Button onPress={() => void logOut()}>Log out</Button>
        </div>
      ) : null}
    </div>
  )
}
