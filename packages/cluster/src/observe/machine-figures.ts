/**
 * What this machine says of itself: processor, memory, swap, and the disk that the data folder is
 * on. Read when asked; the processor's share is that since the question before.
 */
import { readFile, statfs } from 'node:fs/promises'
import { cpus, freemem, networkInterfaces, totalmem } from 'node:os'

/** Figures of a machine, at one moment. */
export interface MachineFigures {
  /** Share of all processors that was in use, 0 to 100. */
  cpuPercent: number
  memoryTotalBytes: number
  memoryFreeBytes: number
  swapTotalBytes: number
  swapUsedBytes: number
  disk: DiskFigures
}

export interface DiskFigures {
  path: string
  totalBytes: number
  usedBytes: number
  /** What this node may still write. */
  freeBytes: number
}

export class Machine {
  readonly #folder: string
  #busyMs = 0
  #allMs = 0
  #cpuPercent = 0

  constructor(folder: string) {
    this.#folder = folder
  }

  async figures(): Promise<MachineFigures> {
    this.#noteProcessors()
    const [memory, disk] = await Promise.all([memoryFigures(), diskFigures(this.#folder)])
    return { cpuPercent: this.#cpuPercent, ...memory, disk }
  }

  #noteProcessors(): void {
    let busyMs = 0
    let allMs = 0
    for (const { times } of cpus()) {
      const spent = times.user + times.nice + times.sys + times.irq
      busyMs += spent
      allMs += spent + times.idle
    }
    const passedMs = allMs - this.#allMs
    if (passedMs > 0) this.#cpuPercent = ((busyMs - this.#busyMs) / passedMs) * 100
    this.#busyMs = busyMs
    this.#allMs = allMs
  }
}

/** Whether the machine has that address; names and wildcards count as had. */
export function hasAddress(host: string): boolean {
  if (!/^[\d.]+$|:/.test(host) || host === '0.0.0.0' || host === '::') return true
  if (host.startsWith('127.')) return true
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? [])
  return all.some(({ address }) => address === host)
}

async function memoryFigures(): Promise<Omit<MachineFigures, 'cpuPercent' | 'disk'>> {
  const text = await readFile('/proc/meminfo', 'latin1').catch(() => '')
  const bytesOf = (name: string): number | undefined => {
    const kilobytes = new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1]
    return kilobytes === undefined ? undefined : Number(kilobytes) * 1024
  }
  const swapTotalBytes = bytesOf('SwapTotal') ?? 0
  return {
    memoryTotalBytes: totalmem(),
    memoryFreeBytes: bytesOf('MemAvailable') ?? freemem(),
    swapTotalBytes,
    swapUsedBytes: swapTotalBytes - (bytesOf('SwapFree') ?? swapTotalBytes),
  }
}

async function diskFigures(path: string): Promise<DiskFigures> {
  try {
    const { bsize, blocks, bfree, bavail } = await statfs(path)
    return {
      path,
      totalBytes: blocks * bsize,
      usedBytes: (blocks - bfree) * bsize,
      freeBytes: bavail * bsize,
    }
  } catch {
    return { path, totalBytes: 0, usedBytes: 0, freeBytes: 0 }
  }
}
