/**
 * Icons as inline SVG, 16 by 16, drawn with the colour of the text beside them. They are never the
 * only sign of a meaning: a word stands beside each, or the control has a name.
 */
import type { JSX } from 'preact'

const PATHS = {
  alert: 'M8 2 14.5 13.5h-13zM8 6.5v3M8 11.4v.2',
  back: 'M10 3 5 8l5 5',
  bucket:
    'M2.5 4.5c0-1 2.5-2 5.5-2s5.5 1 5.5 2-2.5 2-5.5 2-5.5-1-5.5-2zv7c0 1 2.5 2 5.5 2s5.5-1 5.5-2v-7',
  check: 'm3 8.5 3.5 3.5L13 4.5',
  close: 'm4 4 8 8M12 4l-8 8',
  code: 'm5 4.5-3.5 3.5L5 11.5M11 4.5l3.5 3.5-3.5 3.5M9 3 7 13',
  copy: 'M5.5 5.5h8v8h-8zM3.5 10.5h-1v-8h8v1',
  down: 'm4 6 4 4 4-4',
  failed: 'M8 1.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13zM5.5 5.5l5 5M10.5 5.5l-5 5',
  good: 'M8 1.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13zM5 8.2l2.2 2.2L11 6.3',
  log: 'M3 2.5h10v11H3zM5.5 5.5h5M5.5 8h5M5.5 10.5h3',
  menu: 'M2.5 4.5h11M2.5 8h11M2.5 11.5h11',
  moon: 'M13 9.5A5.5 5.5 0 0 1 6.5 3a5.5 5.5 0 1 0 6.5 6.5z',
  note: 'M8 1.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13zM8 7.3v4M8 4.7v.2',
  overview: 'M2.5 2.5h4.5v6H2.5zM9 2.5h4.5V6H9zM9 8h4.5v5.5H9zM2.5 10.5h4.5v3H2.5z',
  plus: 'M8 3v10M3 8h10',
  proxy: 'M2 8h3.5M10.5 8H14M5.5 5h5v6h-5zM12 6l2 2-2 2',
  server: 'M2.5 3h11v4h-11zM2.5 9h11v4h-11zM5 5h.2M5 11h.2',
  session: 'M8 8.5a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM2.5 14c.5-3 2.7-4 5.5-4s5 1 5.5 4',
  settings: 'M2.5 4.5h6M11.5 4.5h2M2.5 11.5h2M7.5 11.5h6M8.5 2.5v4h3v-4zM4.5 9.5v4h3v-4z',
  sun: 'M8 5a3 3 0 1 0 0 6 3 3 0 0 0 0-6zM8 1v1.5M8 13.5V15M1 8h1.5M13.5 8H15M3 3l1 1M12 12l1 1M13 3l-1 1M4 12l-1 1',
  topology: 'M8 2.5v3M8 5.5 3.5 10M8 5.5l4.5 4.5M6.5 1h3v3h-3zM2 10h3v3H2zM11 10h3v3h-3z',
  turn: 'M13.5 8A5.5 5.5 0 1 1 8 2.5c2 0 3.6 1 4.7 2.500M13 2v3h-3',
} as const

export type IconName = keyof typeof PATHS

/** One icon; hidden from screen readers. */
export function Icon({ name, size = 16 }: { name: IconName; size?: number }): JSX.Element {
  return (
    <svg
      width={size}
      height={size}
      viewBox="0 0 16 16"
      fill="none"
      stroke="currentColor"
      stroke-width="1.5"
      stroke-linecap="round"
      stroke-linejoin="round"
      aria-hidden="true"
      class={name === 'turn' ? 'turning' : undefined}
    >
      <path d={PATHS[name]} />
    </svg>
  )
}

/** The product's mark: copies that hold together. */
export function Mark({ size = 22 }: { size?: number }): JSX.Element {
  return (
    <svg width={size} height={size} viewBox="0 0 22 22" fill="none" aria-hidden="true">
      <path
        d="M11 1.5 19.2 6.200v9.600L11 20.5 2.8 15.800V6.200z"
        stroke="currentColor"
        stroke-width="2"
        stroke-linejoin="round"
      />
      <path d="M7.5 6.500v9M14.5 6.500v9M7.5 11h7" stroke="currentColor" stroke-width="2" />
    </svg>
  )
}
