/**
 * The proxy as a command: reads the command line, runs the daemon, answers signals. Prints one line
 * when it serves, `holdfast proxy ready HOST:PORT`; logs are JSON lines on standard error.
 *
 * Started with an IPC channel (by a store node, as its gateway) it ends with its parent: when the
 * channel closes. It takes no messages from it.
 */
import { readFileSync } from 'node:fs'
import type { Writable } from 'node:stream'
import { type Logger, pino } from 'pino'
import { type ProxyRunOptions, parseProxyArguments, usageText } from './arguments.ts'
import { ListenError, type RunningProxy, startProxy } from './proxy.ts'
import { VERSION } from './version.ts'

/** Where the command writes. */
export interface CommandStreams {
  stdout: Writable
  stderr: Writable
}

const LOG_LEVELS = ['info', 'debug', 'trace', 'trace'] as const

/** Runs a proxy until it is told to stop; resolves with the exit code. */
export async function runProxy(argv: readonly string[], streams: CommandStreams): Promise<number> {
  const { stdout, stderr } = streams
  const parsed = parseProxyArguments(argv, {
    readFile: (path) => readFileSync(path, 'utf8'),
    environment: process.env,
  })
  switch (parsed.kind) {
    case 'help':
      stdout.write(usageText())
      return 0
    case 'version':
      stdout.write(`holdfast proxy ${VERSION}\n`)
      return 0
    case 'error':
      stderr.write(`${parsed.message}\n`)
      return 1
    case 'run':
      for (const warning of parsed.warnings) stderr.write(`${warning}\n`)
      return await serve(parsed.options, streams)
  }
}

async function serve(
  options: ProxyRunOptions,
  { stdout, stderr }: CommandStreams,
): Promise<number> {
  const level = LOG_LEVELS[Math.min(options.verbosity, 3)] ?? 'info'
  const logger = pino({ name: 'holdfast-proxy', level }, stderr)
  const stopAsked = untilAskedToStop(options.stopWithStdin)
  let proxy: RunningProxy
  try {
    proxy = await startProxy({ ...options, logger })
  } catch (error) {
    if (!(error instanceof ListenError)) throw error
    stderr.write(
      `ERROR: could not listen on port ${error.port}. Please use -Z port_listen=PORT_NUM to specify a different port number.\n`,
    )
    return 1
  }
  logger.info({ address: proxy.address, http: proxy.httpAddress, version: VERSION }, 'listening')
  const announced = announce(proxy, stdout, logger)
  const reason = await stopAsked
  logger.info({ reason }, 'stopping')
  await proxy.stop()
  announced.abort()
  return 0
}

function announce(proxy: RunningProxy, stdout: Writable, logger: Logger): AbortController {
  const controller = new AbortController()
  const say = async (): Promise<void> => {
    await proxy.ready
    if (controller.signal.aborted) return
    stdout.write(`holdfast proxy ready ${proxy.address}\n`)
    logger.info({ address: proxy.address }, 'ready')
  }
  say().catch((error: unknown) => logger.error({ error }, 'no ready line'))
  return controller
}

function untilAskedToStop(withStdin: boolean): Promise<string> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve(signal))
    if (process.send !== undefined) process.once('disconnect', () => resolve('parent is gone'))
    if (withStdin) {
      process.stdin.once('end', () => resolve('standard input closed'))
      process.stdin.resume()
    }
  })
}
