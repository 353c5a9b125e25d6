import type { JSX } from 'preact'

const LONG = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' })
const SHORT = new Intl.DateTimeFormat(undefined, { timeStyle: 'medium' })

/** A time in the reader's zone, `short` without its day; in UTC as its title. */
export function Moment({ timeMs, short }: { timeMs: number; short?: boolean }): JSX.Element {
  const iso = new Date(timeMs).toISOString()
  return (
    <time dateTime={iso} title={iso.replace('T', ' ').replace(/\.\d+Z/, ' UTC')}>
      {(short ? SHORT : LONG).format(timeMs)}
    </time>
  )
}
