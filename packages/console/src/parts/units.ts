/** Figures as people read them. Pure. */

const BYTE_UNITS = ['B', 'KB', 'MB', 'GB', 'TB', 'PB']
const STEP = 1024

/** `1.4 GB`; three digits at most, as in the quotas that people type. */
export function bytes(count: number): string {
  let value = Math.max(count, 0)
  let unit = 0
  while (value >= 1000 && unit < BYTE_UNITS.length - 1) {
    value /= STEP
    unit++
  }
  return `${digits(value, unit === 0)} ${BYTE_UNITS[unit]}`
}

/** `12,345`; from a million on `1.23 M`. */
export function count(value: number): string {
  if (value >= 1e9) return `${digits(value / 1e9, false)} G`
  if (value >= 1e6) return `${digits(value / 1e6, false)} M`
  return Math.round(value).toLocaleString('en-US')
}

/** `1 item`, `2,345 items`. */
export function counted(value: number, one: string, many: string = `${one}s`): string {
  return `${count(value)} ${Math.round(value) === 1 ? one : many}`
}

/** Of a share from 0 to 1. */
export function percent(share: number): string {
  const value = share * 100
  return `${value > 0 && value < 10 ? value.toFixed(1) : Math.round(value)} %`
}

/** `0.42 ms`, `12 ms`, `1.2 s`. */
export function milliseconds(value: number): string {
  return value >= 1000 ? `${digits(value / 1000, false)} s` : `${digits(value, false)} ms`
}

const SPANS: readonly (readonly [seconds: number, unit: string])[] = [
  [86_400, 'd'],
  [3600, 'h'],
  [60, 'min'],
  [1, 's'],
]

/** `3 d 4 h`, `12 min`, `8 s`: the two largest units. */
export function duration(seconds: number): string {
  let rest = Math.max(0, Math.round(seconds))
  const parts: string[] = []
  for (const [size, unit] of SPANS) {
    const value = Math.floor(rest / size)
    rest -= value * size
    if (value > 0 && parts.length < 2) parts.push(`${value} ${unit}`)
    else if (parts.length > 0) break
  }
  return parts.length > 0 ? parts.join(' ') : '0 s'
}

function digits(value: number, isWhole: boolean): string {
  if (isWhole || value >= 100) return Math.round(value).toString()
  return value >= 10 ? trimmed(value, 1) : trimmed(value, 2)
}

function trimmed(value: number, places: number): string {
  return Number(value.toFixed(places)).toString()
}
