/**
 * The command line: moxi's, and our own long options, which are environment variables as well. It
 * comes to the same configuration that a file would. Pure but for the files that it names, which
 * the caller reads. Error texts are the original's where it had one.
 */
import { ArgumentError } from './argument-error.ts'
import { configOfFlags, withProcessFlags } from './arguments-config.ts'
import { ConfigFileError, type ConfigSurroundings, readConfigFile } from './config-file.ts'
import type { ProxyConfig } from './proxy-config.ts'
import { environmentNameOf, findFlag, type GivenFlags, PROXY_FLAGS } from './proxy-flags.ts'

/** What a command line asks for. */
export type ProxyArguments =
  | { kind: 'run'; command: ProxyCommand; warnings: string[] }
  /** The configuration file is good. */
  | { kind: 'checked'; path: string }
  | { kind: 'help' }
  | { kind: 'version' }
  | { kind: 'error'; message: string }

/** A proxy as the command line describes it. */
export interface ProxyCommand {
  config: ProxyConfig
  /** Reads everything again, for a reload; throws `ConfigFileError` or `ArgumentError`. */
  load: () => ProxyConfig
  /** The file that is watched. */
  configFile: string | undefined
  daemonize: boolean
  pidFile: string | undefined
  user: string | undefined
  stopWithStdin: boolean
}

/** Flags that a configuration file replaces. */
const FILE_REPLACES = [
  ...['-z', '-Z', '-l', '--port', '-s', '-a', '-c', '-b', '-B', '--http-port', '--state-dir'],
  '--slow-ms',
]

/** Reads the command line after the program's name. */
export function parseProxyArguments(
  argv: readonly string[],
  surroundings: ConfigSurroundings,
): ProxyArguments {
  try {
    return parse(argv, surroundings)
  } catch (error) {
    if (!(error instanceof ArgumentError) && !(error instanceof ConfigFileError)) throw error
    return { kind: 'error', message: error.message }
  }
}

/** The text of `-h`. */
export function usageText(): string {
  const lines = PROXY_FLAGS.filter(({ status }) => status === 'honoured').map((entry) => {
    const names = [entry.flag, entry.long].filter((name) => name !== '').join(', ')
    return `  ${`${names} ${entry.argument}`.padEnd(34)} ${entry.meaning}\n`
  })
  return `usage: holdfast proxy [flags] URL[,URL...]\n${lines.join('')}`
}

function parse(argv: readonly string[], surroundings: ConfigSurroundings): ProxyArguments {
  const warnings: string[] = []
  const spoken = readFlags(argv)
  if (spoken.has('-h')) return { kind: 'help' }
  if (spoken.has('-i')) return { kind: 'version' }
  const checked = spoken.get('--check-config')
  if (checked !== undefined) {
    readConfigFile(checked, surroundings)
    return { kind: 'checked', path: checked }
  }
  if (Number(spoken.get('-p') ?? 0) > 0) {
    warnings.push('flag -p ignored: this proxy is not a memcached server itself')
  }
  const flags = withEnvironment(spoken, surroundings.environment)
  const configFile = flags.get('--config')
  const replaced = FILE_REPLACES.find((flag) => flags.has(flag))
  if (configFile !== undefined && replaced !== undefined) {
    throw new ArgumentError(`ERROR: --config and ${replaced} exclude each other`)
  }
  const load = (told: string[]): ProxyConfig => {
    const config =
      configFile === undefined
        ? configOfFlags(flags, surroundings, told)
        : readConfigFile(configFile, surroundings)
    return withProcessFlags(config, flags)
  }
  const config = load(warnings)
  return {
    kind: 'run',
    warnings,
    command: {
      config,
      load: () => load([]),
      configFile,
      daemonize: flags.has('-d'),
      pidFile: flags.get('-P'),
      user: flags.get('-u'),
      stopWithStdin: flags.get('-Y') === 'y',
    },
  }
}

/** The flags of a command line, by the first of their names; the last word without one as -z. */
function readFlags(argv: readonly string[]): Map<string, string> {
  const flags = new Map<string, string>()
  let last: string | undefined
  for (let i = 0; i < argv.length; i++) {
    const word = argv[i] ?? ''
    if (/^-v+$/.test(word)) {
      flags.set('-v', (flags.get('-v') ?? '') + word.slice(1))
      continue
    }
    if (!word.startsWith('-')) {
      last = word
      continue
    }
    const { name, inline } = splitFlag(word)
    const known = findFlag(name)
    if (known === undefined) throw new ArgumentError(`ERROR: unknown flag ${word}`)
    if (known.status === 'refused') {
      throw new ArgumentError(`ERROR: flag ${name} is not supported: ${known.meaning}`)
    }
    const value = known.argument === '' ? '' : (inline ?? argv[++i])
    if (value === undefined) throw new ArgumentError(`ERROR: flag ${name} needs an argument`)
    flags.set(known.flag === '' ? known.long : known.flag, value)
  }
  if (last !== undefined && !flags.has('-z')) flags.set('-z', last)
  return flags
}

function splitFlag(word: string): { name: string; inline: string | undefined } {
  if (word.startsWith('--')) {
    const equals = word.indexOf('=')
    if (equals < 0) return { name: word, inline: undefined }
    return { name: word.slice(0, equals), inline: word.slice(equals + 1) }
  }
  return { name: word.slice(0, 2), inline: word.length > 2 ? word.slice(2) : undefined }
}

/**
 * What the command line leaves open the environment may say; but where the one has a file and the
 * other what a file replaces, only the command line counts.
 */
function withEnvironment(
  spoken: GivenFlags,
  environment: Readonly<Record<string, string | undefined>>,
): Map<string, string> {
  const flags = new Map(spoken)
  const hasFile = spoken.has('--config') || environment.HOLDFAST_PROXY_CONFIG !== undefined
  const isReplaced = FILE_REPLACES.some((flag) => spoken.has(flag))
  for (const known of PROXY_FLAGS) {
    const name = known.flag === '' ? known.long : known.flag
    const value = environment[environmentNameOf(known)]
    if (value === undefined || flags.has(name) || name === '-h' || name === '-i') continue
    if (name === '--check-config' || (name === '--config' && isReplaced)) continue
    if (hasFile && !isReplaced && FILE_REPLACES.includes(name)) continue
    if (known.argument === '' && !/^(1|y|yes|true)$/i.test(value)) continue
    flags.set(name, value)
  }
  return flags
}
