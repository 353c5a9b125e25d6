/**
 * The flags of the command line in one table, moxi's and our own, like proxy-settings.ts for -Z.
 * arguments.ts reads it; usage and docs/reference/proxy-options.md are made from it.
 */

/** One flag of the command line. */
export interface ProxyFlag {
  /** Short form; empty when there is only the long one. */
  flag: string
  /** Long form, which is also an environment variable; empty when there is only the short one. */
  long: string
  /** What follows it; empty for a switch. */
  argument: string
  status: 'honoured' | 'ignored' | 'refused'
  meaning: string
}

function honoured(flag: string, long: string, argument: string, meaning: string): ProxyFlag {
  return { flag, long, argument, status: 'honoured', meaning }
}

/** Its meaning is the reason. */
function ignored(flag: string, argument: string, meaning: string): ProxyFlag {
  return { flag, long: '', argument, status: 'ignored', meaning }
}

/** All flags. */
export const PROXY_FLAGS: readonly ProxyFlag[] = [
  honoured(
    '-z',
    '--cluster',
    'CONFIG',
    'what to serve: `URL[,URL...]`, `url=URL|URL`, `auth=USER%PWD,url=URL`, `PORT=HOST[:PORT[:WEIGHT]],...`, `PORT={JSON}`, several joined by `;`; `valkey://HOST:PORT`; `embedded:DIR`; or a file (begins with `/` or `.`) that holds one of these. The last argument of the command line does as well',
  ),
  honoured(
    '-Z',
    '--settings',
    'KEY=VALUE,...',
    'settings, see below; or a file (begins with `/` or `.`) that holds them',
  ),
  honoured('', '--config', 'FILE', 'configuration file (YAML) instead of `-z`, `-Z` and listeners'),
  honoured('', '--check-config', 'FILE', 'check a configuration file and exit'),
  honoured(
    '-l',
    '--listen',
    'ADDRESS',
    'address to listen on; default `127.0.0.1` (moxi: all addresses), `0.0.0.0` for all; `ADDRESS:PORT` sets the port too',
  ),
  honoured('', '--port', 'N', 'port to listen on, as `port_listen`'),
  honoured(
    '',
    '--data-port',
    'N',
    'serve the vBucket port there too, as the gateway of a store node (source: saslBucketsStreaming)',
  ),
  honoured('-s', '--socket', 'FILE', 'listen on a unix socket instead of a port'),
  honoured('-a', '--socket-mask', 'MASK', 'permissions of the socket, octal; default 0700'),
  honoured(
    '-c',
    '--max-connections',
    'N',
    'most application connections of each worker; default 10000 (moxi: 1024)',
  ),
  honoured('-b', '--backlog', 'N', 'connections waiting to be accepted; default 1024'),
  honoured(
    '-B',
    '--protocol',
    'auto|ascii|binary',
    'protocol of applications; default auto: by the first byte of a connection',
  ),
  honoured('-t', '--workers', 'N', 'processes that share the ports; default 1 (moxi: 4 threads)'),
  honoured(
    '',
    '--sockets',
    'portable|uring',
    'how sockets are served: `uring` takes one system call for all of them (Linux 6.1, Node 26); where it cannot work, and by default, `portable`',
  ),
  honoured('', '--http-port', 'N', 'port of `/health`, `/ready`, `/metrics`; default: port + 1'),
  honoured('', '--state-dir', 'DIR', 'keep the last config of each source there'),
  honoured('', '--slow-ms', 'N', 'log requests that take longer, ms; default 250, 0 none'),
  honoured('-O', '--log-file', 'FILE', 'log file, opened anew at SIGHUP; `stderr` is the default'),
  honoured('', '--log-level', 'LEVEL', 'error, warn, info (default), debug or trace'),
  honoured('-v', '', '', 'log more: `-v` debug, `-vv` and more trace'),
  honoured('-P', '--pid-file', 'FILE', 'write the process id there'),
  honoured('-d', '--daemon', '', 'run in the background; returns once it listens'),
  honoured('-u', '--user', 'USER', 'run as this user, when started as root'),
  honoured('-Y', '--stop-with-stdin', 'y|n', '`y`: stop when standard input is closed'),
  honoured('-h', '--help', '', 'print the usage and exit'),
  honoured('-i', '--version', '', 'print the version and exit'),
  ignored('-p', 'N', 'moxi would also be a plain memcached server there; this proxy never is'),
  ignored('-U', 'N', 'no UDP'),
  ignored('-R', 'N', 'reading is bounded by downstream_max'),
  ignored('-r', '', 'the size of core files is a matter of the system'),
  {
    flag: '-X',
    long: '',
    argument: '',
    status: 'refused',
    meaning: 'a client that names the server would get past the logins of the buckets',
  },
]

/** Given flags by the first of their names, in the table's spelling. */
export type GivenFlags = ReadonlyMap<string, string>

/** Finds a flag by either form. */
export function findFlag(name: string): ProxyFlag | undefined {
  return PROXY_FLAGS.find(({ flag, long }) => name !== '' && (flag === name || long === name))
}

/** `HOLDFAST_PROXY_HTTP_PORT` of `--http-port`; empty when there is none. */
export function environmentNameOf({ long, status }: ProxyFlag): string {
  if (long === '' || status !== 'honoured') return ''
  return `HOLDFAST_PROXY_${long.slice(2).replaceAll('-', '_').toUpperCase()}`
}
