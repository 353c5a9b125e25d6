/**
 * The proxy as a command: reads the command line, runs the daemon or its workers, answers signals.
 * Prints one line when it serves, `holdfast proxy ready HOST:PORT`; logs are JSON lines.
 *
 * SIGTERM and SIGINT stop it. SIGHUP reads the configuration and certificates anew and reopens the
 * log file; a configuration file is also looked at now and then. What is bad is logged and changes
 * nothing. Started with an IPC channel (by a store node, as its gateway) it ends with its parent:
 * when the channel closes. It takes no messages from it.
 */
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import type { Writable } from 'node:stream'
import type { Logger } from 'pino'
import { ArgumentError } from './argument-error.ts'
import { type ProxyCommand, parseProxyArguments, usageText } from './arguments.ts'
import { ConfigFileError } from './config-file.ts'
import { ConfigWatch } from './config-watch.ts'
import { ListenError, type RunningProxy, startConfiguredProxy } from './proxy.ts'
import { SourceAuthenticationError } from './proxy-daemon.ts'
import { openLog, type ProxyLog } from './proxy-log.ts'
import { isInBackground, startInBackground, tellForeground } from './run-daemonize.ts'
import { becomeUser } from './run-user.ts'
import { VERSION } from './version.ts'
import { startWorkers } from './workers.ts'

/** Where the command writes. */
export interface CommandStreams {
  stdout: Writable
  stderr: Writable
}

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
    case 'checked':
      stdout.write(`${parsed.path}: good\n`)
      return 0
    case 'error':
      stderr.write(`${parsed.message}\n`)
      return 1
    case 'run': {
      if (parsed.command.daemonize && !isInBackground()) return await startInBackground(stderr)
      const warnings = parsed.warnings.map((warning) => `${warning}\n`).join('')
      return await new ProxyRun(parsed.command, streams).run(warnings)
    }
  }
}

class ProxyRun {
  readonly #command: ProxyCommand
  readonly #streams: CommandStreams
  readonly #stopAsked: PromiseWithResolvers<string> = Promise.withResolvers()
  #log: ProxyLog | undefined = undefined
  #proxy: (RunningProxy & { reopenLog?(): void }) | undefined = undefined
  #reloading: Promise<void> = Promise.resolve()
  #failed = false

  constructor(command: ProxyCommand, streams: CommandStreams) {
    this.#command = command
    this.#streams = streams
  }

  async run(warnings: string): Promise<number> {
    const { config, pidFile, user, configFile } = this.#command
    this.#awaitStop()
    const reloadAsked = (): void => this.#reload()
    process.on('SIGHUP', reloadAsked)
    // Made before the start, so that a change during it is not overlooked.
    const watch = configFile === undefined ? undefined : new ConfigWatch(configFile, reloadAsked)
    try {
      this.#log = openLog(config.log, this.#streams.stderr)
      this.#proxy = await this.#start()
      if (pidFile !== undefined) writeFileSync(pidFile, `${process.pid}\n`)
      becomeUser(user)
    } catch (error) {
      await this.#proxy?.stop()
      await this.#say(`${warnings}${startErrorText(error)}`, false)
      return 1
    }
    await this.#say(warnings, true)
    const { logger } = this.#log
    const { addresses, httpAddress } = this.#proxy
    logger.info({ addresses, http: httpAddress, version: VERSION }, 'listening')
    this.#announce(this.#proxy, logger)
    watch?.start()
    const reason = await this.#stopAsked.promise
    watch?.stop()
    process.off('SIGHUP', reloadAsked)
    logger.info({ reason }, 'stopping')
    await this.#reloading
    await this.#proxy.stop()
    if (pidFile !== undefined) removePidFile(pidFile, logger)
    // An open channel to the parent would keep this process alive.
    if (process.connected && !isInBackground()) process.disconnect?.()
    return this.#failed ? 1 : 0
  }

  async #start(): Promise<RunningProxy & { reopenLog?(): void }> {
    const { config, user } = this.#command
    const log = this.#log
    if (log === undefined) throw new Error('bug: no log')
    if (config.workers > 1) return await startWorkers({ config, logger: log.logger, user })
    return await startConfiguredProxy(config, log.logger)
  }

  /** What is said before it listens goes to the terminal, also from the background. */
  async #say(text: string, listening: boolean): Promise<void> {
    if (isInBackground()) await tellForeground({ listening, text })
    else if (text !== '') this.#streams.stderr.write(text)
  }

  #announce(proxy: RunningProxy, logger: Logger): void {
    const say = async (): Promise<void> => {
      await proxy.ready
      if (this.#failed) return
      this.#streams.stdout.write(`holdfast proxy ready ${proxy.address}\n`)
      logger.info({ address: proxy.address }, 'ready')
    }
    say().catch((error: unknown) => {
      this.#failed = true
      const isRefused = error instanceof SourceAuthenticationError
      this.#streams.stderr.write(`ERROR: ${isRefused ? error.message : String(error)}\n`)
      this.#stopAsked.resolve('it can never be ready')
    })
  }

  /** One after the other, whoever asks. */
  #reload(): void {
    const logger = this.#log?.logger
    const proxy = this.#proxy
    // What comes before it listens finds everything as it is read anyway.
    if (logger === undefined || proxy === undefined) return
    this.#log?.reopen()
    proxy.reopenLog?.()
    const reload = async (): Promise<void> => {
      try {
        await proxy.reload(this.#command.load())
        logger.info('configuration in use')
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error)
        logger.error({ error: message }, 'the configuration is refused, the old one stays in use')
      }
    }
    this.#reloading = this.#reloading.then(reload)
  }

  #awaitStop(): void {
    const { resolve } = this.#stopAsked
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve(signal))
    if (process.send !== undefined && !isInBackground()) {
      process.once('disconnect', () => resolve('parent is gone'))
    }
    if (this.#command.stopWithStdin) {
      process.stdin.once('end', () => resolve('standard input closed'))
      process.stdin.resume()
    }
  }
}

/** Another user than the one who wrote it may have to leave it there. */
function removePidFile(path: string, logger: Logger): void {
  try {
    rmSync(path, { force: true })
  } catch (error) {
    logger.warn({ error: String(error) }, 'the pid file stays')
  }
}

function startErrorText(error: unknown): string {
  if (error instanceof ListenError) {
    if (error.port === 0) return `ERROR: ${error.message}\n`
    return `ERROR: could not listen on port ${error.port}. Please use -Z port_listen=PORT_NUM to specify a different port number.\n`
  }
  const isExpected = error instanceof ArgumentError || error instanceof ConfigFileError
  if (isExpected) return `${error.message}\n`
  return `ERROR: ${error instanceof Error ? error.message : String(error)}\n`
}
