/** Light or dark: as the system says, until the person says otherwise; kept by the browser. */
import { type Signal, signal } from '@preact/signals'

export type Theme = 'light' | 'dark'

const KEY = 'holdfast-theme'
const dark = matchMedia('(prefers-color-scheme: dark)')

/** What is shown; charts draw anew when it changes. */
export const theme: Signal<Theme> = signal(stored() ?? ofSystem())

/** Puts the stored choice in force and follows the system where there is none. */
export function startTheme(): void {
  const choice = stored()
  if (choice) document.documentElement.dataset.theme = choice
  dark.addEventListener('change', () => {
    if (!stored()) theme.value = ofSystem()
  })
}

export function switchTheme(): void {
  const next: Theme = theme.value === 'dark' ? 'light' : 'dark'
  document.documentElement.dataset.theme = next
  theme.value = next
  try {
    localStorage.setItem(KEY, next)
  } catch {
    // A browser that keeps nothing forgets the choice with the page.
  }
}

function stored(): Theme | null {
  try {
    const value = localStorage.getItem(KEY)
    return value === 'light' || value === 'dark' ? value : null
  } catch {
    return null
  }
}

function ofSystem(): Theme {
  return dark.matches ? 'dark' : 'light'
}
