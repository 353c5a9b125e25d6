// Tables in markdown. Pure.

/** A table with its columns aligned; numbers should come formatted. */
export function markdownTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
): string[] {
  const widths = head.map((title, column) =>
    Math.max(title.length, 3, ...rows.map((row) => row[column]?.length ?? 0)),
  )
  const line = (cells: readonly string[]): string =>
    `| ${widths.map((width, column) => pad(cells[column] ?? '', width, column)).join(' | ')} |`
  const rule = widths.map((width, column) => '-'.repeat(width - 1) + (column < 2 ? '-' : ':'))
  return [line(head), line(rule), ...rows.map(line)]
}

/** The first two columns are names, the others figures. */
function pad(text: string, width: number, column: number): string {
  return column < 2 ? text.padEnd(width) : text.padStart(width)
}

/** A figure with as many decimals as it has meaning for; a dash when there is none. */
export function figure(value: number, unit = ''): string {
  if (Number.isNaN(value)) return '—'
  if (value === Number.POSITIVE_INFINITY) return 'failed'
  const decimals = value >= 1000 ? 0 : value >= 10 ? 1 : 2
  return `${value.toFixed(decimals)}${unit}`
}
