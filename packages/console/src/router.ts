/** Addresses within the page: `#/buckets/NAME?zoom=hour`. The fragment never leaves the browser. */
import { type ReadonlySignal, type Signal, signal } from '@preact/signals'

export interface Route {
  page: string
  /** What comes after the page, decoded: a bucket's name. */
  name: string | null
  query: Readonly<Record<string, string>>
}

const FIRST_PAGE = 'overview'
const current: Signal<Route> = signal({ page: FIRST_PAGE, name: null, query: {} })

/** Where the page is. */
export const route: ReadonlySignal<Route> = current

/** Reads a fragment. Pure. */
export function parseRoute(hash: string): Route {
  const [path = '', query = ''] = hash.replace(/^#?\/?/, '').split('?')
  const [page, name] = path.split('/').map(decoded)
  return {
    page: page || FIRST_PAGE,
    name: name || null,
    query: Object.fromEntries(new URLSearchParams(query)),
  }
}

/** The address of a page, for links. Pure. */
export function href(
  page: string,
  name?: string,
  query?: Readonly<Record<string, string>>,
): string {
  const tail = name === undefined ? '' : `/${encodeURIComponent(name)}`
  const search = query ? `?${new URLSearchParams(query)}` : ''
  return `#/${page}${tail}${search}`
}

/** Goes to a page. */
export function go(page: string, name?: string, query?: Readonly<Record<string, string>>): void {
  location.hash = href(page, name, query)
}

/** Changes the query of this page without a new step in the history. */
export function setQuery(query: Readonly<Record<string, string>>): void {
  const { page, name } = current.peek()
  history.replaceState(null, '', href(page, name ?? undefined, query))
  readLocation()
}

/** Takes a word out of the query of the address, and gives it: the ticket of another node. */
export function takeFromQuery(word: string): string | null {
  const { page, name, query } = parseRoute(location.hash)
  const { [word]: value, ...rest } = query
  if (value === undefined) return null
  const left = Object.keys(rest).length > 0 ? rest : undefined
  history.replaceState(null, '', href(page, name ?? undefined, left))
  return value
}

/** Follows the address from then on. */
export function startRouter(): void {
  readLocation()
  addEventListener('hashchange', readLocation)
}

function readLocation(): void {
  current.value = parseRoute(location.hash)
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
