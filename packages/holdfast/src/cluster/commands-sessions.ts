/**
 * Commands on sessions of applications: list them, show one, end one or all of a user. What is
 * stored was made by applications and their visitors: control characters never reach the terminal.
 */
import { z } from 'zod'
import {
  type ClusterCommand,
  type CommandContext,
  numberOf,
  type OptionRow,
  type Outcome,
  oneAction,
  requiredText,
  success,
  textOf,
} from './command.ts'
import { RestError } from './rest-client.ts'

const LIMIT_DEFAULT = 50
const BUCKET: OptionRow = { flags: '--bucket <name>', description: 'bucket that they are in' }
const ID: OptionRow = {
  flags: '--id <id>',
  description: 'id as a list shows it, with its route, or the signed value of a cookie',
}
const USER: OptionRow = {
  flags: '--user <user>',
  description: "as the application's userOf gives it",
}
const PREFIX: OptionRow = {
  flags: '--prefix <text>',
  description: "what the application's storageKeyPrefix makes, such as shop_; else found out",
}
const WHERE: OptionRow = { ...BUCKET, default: 'default' }

export const sessionCommands: readonly ClusterCommand[] = [
  {
    name: 'session-list',
    group: 'Sessions',
    description: 'list sessions: those of a user, or some that are found',
    options: [
      WHERE,
      USER,
      ID,
      PREFIX,
      { flags: '--limit <count>', description: 'sessions to list, 1 to 200', default: '50' },
      { flags: '--start <place>', description: 'where the list before has ended' },
    ],
    run: sessionList,
  },
  {
    name: 'session-show',
    group: 'Sessions',
    description: 'show a session: times, size, attributes',
    options: [
      WHERE,
      { ...ID, required: true },
      PREFIX,
      { flags: '--values', description: 'with the values of its attributes (the admin only)' },
    ],
    run: sessionShow,
  },
  {
    name: 'session-revoke',
    group: 'Sessions',
    description: 'end a session, or all of a user, on all servers of the application',
    options: [WHERE, ID, USER, PREFIX, { flags: '--force', description: 'do not ask' }],
    run: sessionRevoke,
  },
]

const rowSchema = z.looseObject({
  id: z.string(),
  user: z.string().nullable(),
  createdAt: z.number().nullable(),
  lastAccessedAt: z.number().nullable(),
  ageSeconds: z.number().nullable(),
  idleSeconds: z.number().nullable(),
  expiresInSeconds: z.number().nullable(),
  sizeBytes: z.number(),
  encoding: z.string(),
  compressed: z.boolean(),
  encrypted: z.boolean(),
  attributes: z.array(z.object({ name: z.string(), type: z.string(), sizeBytes: z.number() })),
  note: z.string().optional(),
  values: z.record(z.string(), z.unknown()).optional(),
  cut: z.array(z.string()).default([]),
})
const pageSchema = z.object({
  sessions: z.array(rowSchema),
  next: z.string().nullable(),
  note: z.string().optional(),
})
const revokedSchema = z.object({ revoked: z.number() })

type Row = z.infer<typeof rowSchema>

async function sessionList({ rest, options }: CommandContext): Promise<Outcome> {
  const query = new URLSearchParams({
    bucket: requiredText(options, 'bucket'),
    limit: String(numberOf(options, 'limit') ?? LIMIT_DEFAULT),
  })
  for (const name of ['user', 'id', 'prefix', 'start']) {
    const text = textOf(options, name)
    if (text !== undefined) query.set(name, text)
  }
  const value = await rest.get(`/sessions?${query}`)
  const { sessions, next, note } = pageSchema.parse(value)
  const titles = ['id', 'user', 'age', 'idle', 'expires in', 'size', 'encoding', 'attributes']
  const lines = sessions.length === 0 ? ['no sessions'] : columns([titles, ...sessions.map(cells)])
  if (note !== undefined) lines.push(note)
  if (next !== null) lines.push(`there may be more: --start ${next}`)
  return { lines, value }
}

async function sessionShow({ rest, options }: CommandContext): Promise<Outcome> {
  const query = prefixQuery(options)
  if (options.values === true) query.set('values', '1')
  const value = await rest.get(`${pathOf(options)}/${idText(options)}?${query}`)
  const row = rowSchema.parse(value)
  const form = [row.encoding, ...(row.compressed ? ['compressed'] : [])]
  const lines = columns([
    ['id', row.id],
    ['user', row.user ?? '-'],
    ['created', `${timeText(row.createdAt)} (${span(row.ageSeconds)} ago)`],
    ['last used', `${timeText(row.lastAccessedAt)} (${span(row.idleSeconds)} ago)`],
    ['expires', row.expiresInSeconds === null ? 'never' : `in ${span(row.expiresInSeconds)}`],
    [
      'size',
      `${row.sizeBytes} B, ${[...form, ...(row.encrypted ? ['encrypted'] : [])].join(', ')}`,
    ],
  ])
  if (row.note !== undefined) lines.push(shown(row.note))
  if (row.attributes.length > 0) lines.push('', ...columns(attributeRows(row)))
  return { lines, value }
}

function attributeRows({ attributes, values, cut }: Row): string[][] {
  const titles = ['attribute', 'type', 'size', ...(values === undefined ? [] : ['value'])]
  const rows = attributes.map(({ name, type, sizeBytes }) => {
    const cells = [name, type, `${sizeBytes} B`]
    if (values === undefined) return cells
    const isCut = cut.includes(name)
    return [...cells, isCut ? `${String(values[name])}...` : JSON.stringify(values[name])]
  })
  return [titles, ...rows]
}

async function sessionRevoke({ rest, options, confirm }: CommandContext): Promise<Outcome> {
  const action = oneAction(options, ['id', 'user'])
  const which = action === 'id' ? 'this session' : `all sessions of ${textOf(options, 'user')}`
  const sure = options.force === true || (await confirm(`End ${which}?`, 'give --force'))
  if (!sure) throw new RestError('nothing is ended', null)
  const query = prefixQuery(options)
  if (action === 'user') query.set('user', requiredText(options, 'user'))
  const path = action === 'id' ? `${pathOf(options)}/${idText(options)}` : pathOf(options)
  const { revoked } = revokedSchema.parse(await rest.delete(`${path}?${query}`))
  return success(`session-revoke: ${revoked} ended`, { revoked })
}

function pathOf(options: CommandContext['options']): string {
  return `/sessions/${encodeURIComponent(requiredText(options, 'bucket'))}`
}

function idText(options: CommandContext['options']): string {
  return encodeURIComponent(requiredText(options, 'id'))
}

function prefixQuery(options: CommandContext['options']): URLSearchParams {
  const prefix = textOf(options, 'prefix')
  return new URLSearchParams(prefix === undefined ? {} : { prefix })
}

function cells(row: Row): string[] {
  const { id, user, ageSeconds, idleSeconds, expiresInSeconds, sizeBytes, encoding } = row
  const names = row.attributes.map(({ name }) => name).join(' ')
  const expiry = expiresInSeconds === null ? 'never' : span(expiresInSeconds)
  const about = row.encrypted ? 'encrypted' : (row.note ?? names)
  return [
    id,
    user ?? '-',
    span(ageSeconds),
    span(idleSeconds),
    expiry,
    `${sizeBytes} B`,
    encoding,
    about,
  ]
}

function timeText(ms: number | null): string {
  return ms === null ? '-' : new Date(ms).toISOString()
}

/** Seconds as a person says them. */
function span(seconds: number | null): string {
  if (seconds === null) return '-'
  const units: [string, number][] = [
    ['d', 86_400],
    ['h', 3600],
    ['min', 60],
  ]
  const [unit, size] = units.find(([, size]) => seconds >= 2 * size) ?? ['s', 1]
  return `${Math.floor(seconds / size)} ${unit}`
}

function columns(rows: readonly string[][]): string[] {
  const clean = rows.map((row) => row.map(shown))
  const widths = (clean[0] ?? []).map((_, column) =>
    Math.max(...clean.map((row) => row[column]?.length ?? 0)),
  )
  return clean.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  )
}

/** Text that a terminal only shows. */
function shown(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, '?')
}
