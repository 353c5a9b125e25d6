import type { JSX } from 'preact'

const LOCAL = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' })

/** A time in the reader's zone; in UTC as its title. */
export function Moment({ timeMs }: { timeMs: number }): JSX.Element {
  const iso = new Date(timeMs).toISOString()
  return (
    <time dateTime={iso} title={iso.replace('T', ' ').replace(/\.\d+Z/, ' UTC')}>
      {LOCAL.format(timeMs)}
    </time>
  )
}
