/** An engine's folder: its log, its append-only file, its `nodes.conf`. Acts; decides nothing. */
import { randomBytes } from 'node:crypto'
import { open, readdir, readFile, readlink, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { engineIdIn, nodesConfText, type Repair } from './engine-trouble.ts'

const ENGINE_ID_BYTES = 20
const SNAPSHOT = 'dump.rdb'
/** What is read of the end of an engine's log. */
const LOG_BYTES_MAX = 8192

/** Where the log of an engine ends; 0 without one. */
export async function logEnd(folder: string): Promise<number> {
  return stat(join(folder, 'engine.log')).then(
    ({ size }) => size,
    () => 0,
  )
}

/** The last lines of an engine's log, not from before `from`. */
export async function logSince(folder: string, from: number): Promise<string> {
  const end = await logEnd(folder)
  const start = Math.max(Math.min(from, end), end - LOG_BYTES_MAX)
  try {
    await using file = await open(join(folder, 'engine.log'))
    const { buffer, bytesRead } = await file.read(Buffer.alloc(end - start), { position: start })
    return buffer.toString('utf8', 0, bytesRead)
  } catch {
    return ''
  }
}

/** Removes what holds items; without persistence it would be a state of long ago. */
export async function removeItems(folder: string): Promise<void> {
  await removeAppendOnlyFile(folder)
  await removeSnapshot(folder)
}

/** Removes the append-only file alone: its engine is started from its snapshot. */
export async function removeAppendOnlyFile(folder: string): Promise<void> {
  await rm(join(folder, 'appendonlydir'), { recursive: true, force: true })
}

/**
 * A snapshot is written when an engine is ended in order. It knows its place in the primary's
 * stream of writes, which an append-only file does not: a replica that starts from it asks for what
 * it has missed, not for everything. It is good for the next start alone.
 */
export async function hasSnapshot(folder: string): Promise<boolean> {
  return stat(join(folder, SNAPSHOT)).then(
    ({ size }) => size > 0,
    () => false,
  )
}

/** Removes the snapshot, and those that were not finished. */
export async function removeSnapshot(folder: string): Promise<void> {
  const names = await readdir(folder).catch(() => [])
  for (const name of names) {
    if (name === SNAPSHOT || /^temp-.*\.rdb$/.test(name))
      await rm(join(folder, name), { force: true })
  }
}

/** Makes a folder such that its engine can be started; see `repairOf`. */
export async function repairFolder(
  folder: string,
  repair: Repair,
  place: { host: string; port: number; slots: readonly [from: number, to: number] },
): Promise<void> {
  if (repair === 'removeAll') return rm(folder, { recursive: true, force: true })
  if (repair === 'removeItems') return removeItems(folder)
  const path = join(folder, 'nodes.conf')
  const damaged = await readFile(path, 'latin1').catch(() => '')
  const engineId = engineIdIn(damaged) ?? randomBytes(ENGINE_ID_BYTES).toString('hex')
  const epoch = Math.floor(Date.now() / 1000)
  await writeFile(`${path}.damaged`, damaged, { mode: 0o600 })
  await writeFile(path, nodesConfText({ engineId, ...place, epoch }), { mode: 0o600 })
}

/**
 * Removes the folders under `root` that no engine of `keys` has, and ends the processes that still
 * work in them: engines of a bucket or a copy that was taken away while this member was down.
 */
export async function removeLeftovers(
  root: string,
  runFolder: string,
  keys: ReadonlySet<string>,
): Promise<string[]> {
  const folders = (await readdir(root).catch(() => [])).filter((name) => !keys.has(name))
  if (folders.length === 0) return []
  const paths = new Set(folders.map((name) => join(root, name)))
  const pidFiles = (await readdir(runFolder).catch(() => [])).filter((f) =>
    /^engine-.*\.pid$/.test(f),
  )
  for (const file of pidFiles) {
    const pid = Number(await readFile(join(runFolder, file), 'utf8').catch(() => ''))
    if (!(pid > 1)) continue
    const workFolder = await readlink(`/proc/${pid}/cwd`).catch(() => '')
    if (!paths.has(workFolder)) continue
    process.kill(pid, 'SIGKILL')
    await rm(join(runFolder, file), { force: true })
  }
  for (const path of paths) await rm(path, { recursive: true, force: true })
  return folders
}
