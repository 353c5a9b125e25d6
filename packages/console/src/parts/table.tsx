/**
 * A table of rows. On narrow screens each row becomes a card whose cells carry their column's name;
 * the roles are written out because a table that CSS shows as blocks loses them in some browsers.
 */
import type { ComponentChildren, JSX } from 'preact'

export interface Column<Row> {
  name: string
  cell: (row: Row) => ComponentChildren
  /** Right-aligned. */
  number?: boolean
  /** The cell that names the row. */
  heads?: boolean
  /** Has no visible name, such as the column of actions. */
  unnamed?: boolean
}

const AS = {
  table: { role: 'table' },
  rowgroup: { role: 'rowgroup' },
  row: { role: 'row' },
  columnheader: { role: 'columnheader' },
  rowheader: { role: 'rowheader' },
  cell: { role: 'cell' },
} as const

export function Table<Row>(props: {
  /** What the table is of, for screen readers. */
  caption: string
  columns: readonly Column<Row>[]
  rows: readonly Row[]
  keyOf: (row: Row) => string
  /** Stays a table on narrow screens and scrolls. */
  wide?: boolean
  rowClass?: (row: Row) => string
}): JSX.Element {
  const { columns, rows } = props
  return (
    <section class="table-frame" tabIndex={props.wide ? 0 : undefined} aria-label={props.caption}>
      <table class={`table ${props.wide ? '' : 'cards'}`} {...AS.table}>
        <caption class="unseen">{props.caption}</caption>
        <thead {...AS.rowgroup}>
          <tr {...AS.row}>
            {columns.map((column) => (
              <th
                key={column.name}
                {...AS.columnheader}
                scope="col"
                class={column.number ? 'number' : undefined}
              >
                {column.unnamed ? <span class="unseen">{column.name}</span> : column.name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody {...AS.rowgroup}>
          {rows.map((row) => (
            <tr key={props.keyOf(row)} {...AS.row} class={props.rowClass?.(row)}>
              {columns.map((column) => (
                <Cell key={column.name} column={column} row={row} />
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  )
}

function Cell<Row>({ column, row }: { column: Column<Row>; row: Row }): JSX.Element {
  const attributes = {
    'data-label': column.unnamed ? '' : column.name,
    class: column.number ? 'number' : undefined,
  }
  const content = <div>{column.cell(row)}</div>
  return column.heads ? (
    <th {...attributes} {...AS.rowheader} scope="row">
      {content}
    </th>
  ) : (
    <td {...attributes} {...AS.cell}>
      {content}
    </td>
  )
}
