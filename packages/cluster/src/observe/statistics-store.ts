/**
 * Statistics of one node in an SQLite file: a sample a second, kept for a minute, and rolled up
 * to coarser archives, the original's. Each archive has a bounded number of rows per bucket;
 * older ones go. All calls block: it lives in a thread of its own (statistics-thread.ts).
 */
import { rmSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { MAX_STATS, STORED_STATS } from './stat-table.ts'

export type Zoom = 'minute' | 'hour' | 'day' | 'week' | 'month' | 'year'

export interface Archive {
  zoom: Zoom
  /** Milliseconds between its samples. */
  stepMs: number
  /** Samples that it shows; a few more are kept until the next roll-up. */
  count: number
}

/** Each is rolled up from the one before. */
export const ARCHIVES: readonly Archive[] = [
  { zoom: 'minute', stepMs: 1000, count: 60 },
  { zoom: 'hour', stepMs: 4000, count: 900 },
  { zoom: 'day', stepMs: 60_000, count: 1440 },
  { zoom: 'week', stepMs: 600_000, count: 1152 },
  { zoom: 'month', stepMs: 1_800_000, count: 1488 },
  { zoom: 'year', stepMs: 21_600_000, count: 1464 },
]

/** Name under which the machine's own statistics are kept. */
export const SYSTEM = ''

/** What one bucket did in one second; values in the order of `STORED_STATS`, null for not its own. */
export interface Sample {
  bucket: string
  values: readonly (number | null)[]
}

/** What is asked for: the sum over buckets; `stepMs` above the archive's own makes it coarser. */
export interface SeriesQuestion {
  buckets: readonly string[]
  zoom: Zoom
  stepMs: number
  fromMs: number
  stats?: readonly string[]
}

/** Times and, by statistic, as many values. */
export interface Series {
  timestamps: number[]
  values: Record<string, number[]>
}

const DIGITS = 1000

export class StatisticsStore {
  readonly #database: DatabaseSync
  readonly #insert: ReturnType<DatabaseSync['prepare']>
  /** By archive: the last step that was rolled up. */
  readonly #rolled = new Map<Zoom, number>()

  /** Opens the file; one that cannot be used is made anew. */
  constructor(path: string) {
    this.#database = openDatabase(path)
    const marks = ['?', '?', ...STORED_STATS.map(() => '?')].join(', ')
    this.#insert = this.#database.prepare(
      `INSERT OR REPLACE INTO minute (bucket, t, ${columns()}) VALUES (${marks})`,
    )
  }

  /** Writes the samples of one second and rolls up what is complete. */
  add(atMs: number, samples: readonly Sample[]): void {
    const t = floor(atMs, 1000)
    this.#database.exec('BEGIN')
    try {
      for (const { bucket, values } of samples) this.#insert.run(bucket, t, ...values)
      this.#rollUp(t)
      this.#database.exec('COMMIT')
    } catch (error) {
      this.#database.exec('ROLLBACK')
      throw error
    }
  }

  /** Samples of the buckets together, summed or the greatest, oldest first. */
  read({ buckets, zoom, stepMs, fromMs, stats: asked = STORED_STATS }: SeriesQuestion): Series {
    const stats = asked.filter((name) => STORED_STATS.includes(name))
    const averages = stats.map((name) => `, avg("${name}") AS "${name}"`).join('')
    const over = (name: string): string => (MAX_STATS.has(name) ? 'max' : 'sum')
    const sums = stats.map((name) => `, ${over(name)}("${name}") AS "${name}"`).join('')
    const marks = buckets.map(() => '?').join(', ')
    const rows = this.#database
      .prepare(
        `SELECT at${sums} FROM (SELECT bucket, (t / ${stepMs}) * ${stepMs} AS at${averages} ` +
          `FROM ${zoom} WHERE bucket IN (${marks}) AND t >= ? GROUP BY bucket, at) ` +
          'GROUP BY at ORDER BY at',
      )
      .all(...buckets, fromMs)
    const series: Series = { timestamps: [], values: {} }
    for (const name of stats) series.values[name] = []
    for (const row of rows) {
      series.timestamps.push(Number(row.at))
      for (const name of stats) {
        series.values[name]?.push(Math.round(Number(row[name] ?? 0) * DIGITS) / DIGITS)
      }
    }
    return series
  }

  /** Forgets all buckets but these. */
  keep(buckets: readonly string[]): void {
    const marks = buckets.map(() => '?').join(', ')
    for (const { zoom } of ARCHIVES) {
      this.#database.prepare(`DELETE FROM ${zoom} WHERE bucket NOT IN (${marks})`).run(...buckets)
    }
  }

  close(): void {
    this.#database.close()
  }

  #rollUp(t: number): void {
    for (const [index, archive] of ARCHIVES.entries()) {
      const finer = ARCHIVES[index - 1]
      const step = floor(t, archive.stepMs)
      const last = this.#rolled.get(archive.zoom)
      if (last === step) continue
      this.#rolled.set(archive.zoom, step)
      if (finer) this.#rollUpTo(archive, finer.zoom, last ?? step - archive.stepMs, step)
      const surplus = Math.max(
        archive.count / 10,
        (ARCHIVES[index + 1]?.stepMs ?? 0) / archive.stepMs,
      )
      const oldest = t - (archive.count + surplus) * archive.stepMs
      this.#database.prepare(`DELETE FROM ${archive.zoom} WHERE t < ?`).run(oldest)
    }
  }

  /** Averages of the finer archive for the steps from `from` on that end before `to`. */
  #rollUpTo({ zoom, stepMs }: Archive, finer: Zoom, from: number, to: number): void {
    const averages = STORED_STATS.map((name) => `avg("${name}")`).join(', ')
    this.#database
      .prepare(
        `INSERT OR REPLACE INTO ${zoom} (bucket, t, ${columns()}) ` +
          `SELECT bucket, (t / ${stepMs}) * ${stepMs} AS at, ${averages} FROM ${finer} ` +
          'WHERE t >= ? AND t < ? GROUP BY bucket, at',
      )
      .run(from, to)
  }
}

function openDatabase(path: string): DatabaseSync {
  try {
    return prepared(new DatabaseSync(path))
  } catch {
    for (const end of ['', '-wal', '-shm']) rmSync(`${path}${end}`, { force: true })
    return prepared(new DatabaseSync(path))
  }
}

function prepared(database: DatabaseSync): DatabaseSync {
  try {
    database.exec(
      'PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -2000',
    )
    for (const { zoom } of ARCHIVES) createTable(database, zoom)
    return database
  } catch (error) {
    database.close()
    throw error
  }
}

function createTable(database: DatabaseSync, zoom: Zoom): void {
  database.exec(
    `CREATE TABLE IF NOT EXISTS ${zoom} (bucket TEXT NOT NULL, t INTEGER NOT NULL, ` +
      'PRIMARY KEY (t, bucket)) WITHOUT ROWID',
  )
  const present = database.prepare(`PRAGMA table_info(${zoom})`).all()
  const names = new Set(present.map((column) => String(column.name)))
  for (const name of STORED_STATS) {
    if (!names.has(name)) database.exec(`ALTER TABLE ${zoom} ADD COLUMN "${name}" REAL`)
  }
}

function columns(): string {
  return STORED_STATS.map((name) => `"${name}"`).join(', ')
}

function floor(t: number, stepMs: number): number {
  return Math.floor(t / stepMs) * stepMs
}
