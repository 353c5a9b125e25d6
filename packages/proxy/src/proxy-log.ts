/**
 * The log of a proxy process: JSON lines to standard error or to a file. A file is opened anew on
 * request, after it was moved away by whoever rotates it.
 */
import type { Writable } from 'node:stream'
import { type Logger, pino } from 'pino'
import type { LogConfig } from './proxy-config.ts'

export interface ProxyLog {
  readonly logger: Logger
  /** Opens the log file again under its name. */
  reopen(): void
}

/** Opens the log; throws when the file cannot be opened. */
export function openLog(config: LogConfig, stderr: Writable): ProxyLog {
  const { file, level } = config
  const options = { name: 'holdfast-proxy', level }
  if (file === undefined) return { logger: pino(options, stderr), reopen: () => {} }
  // Written at once: a line that waits in a buffer is lost with the process.
  const destination = pino.destination({ dest: file, append: true, mkdir: true, sync: true })
  return { logger: pino(options, destination), reopen: () => destination.reopen() }
}
