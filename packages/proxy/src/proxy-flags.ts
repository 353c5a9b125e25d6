/**
 * Moxi's command line flags in one table, like proxy-settings.ts for -Z.
 */

/** One flag of the command line. */
export interface ProxyFlag {
  flag: string
  /** What follows it; empty for a switch. */
  argument: string
  status: 'honoured' | 'ignored' | 'refused'
  meaning: string
}

/** All of moxi's flags, and our own. */
export const PROXY_FLAGS: readonly ProxyFlag[] = [
  {
    flag: '-z',
    argument: 'CONFIG',
    status: 'honoured',
    meaning:
      'where the bucket config is: `URL[,URL...]`, `url=URL|URL`, `auth=USER%PWD,url=URL`, `embedded:DIR`, or a file (begins with `/` or `.`) that holds one of these; the last argument of the command line does as well',
  },
  {
    flag: '-Z',
    argument: 'KEY=VALUE,...',
    status: 'honoured',
    meaning: 'settings, see below; or a file (begins with `/` or `.`) that holds them',
  },
  {
    flag: '-l',
    argument: 'ADDRESS',
    status: 'honoured',
    meaning:
      'address to listen on; default `127.0.0.1` (moxi: all addresses), `0.0.0.0` for all; `ADDRESS:PORT` sets the port too',
  },
  {
    flag: '-c',
    argument: 'N',
    status: 'honoured',
    meaning: 'most application connections; default 10000 (moxi: 1024)',
  },
  {
    flag: '--http-port',
    argument: 'N',
    status: 'honoured',
    meaning: 'port of `/health` and `/metrics`; default the listen port + 1',
  },
  { flag: '-v', argument: '', status: 'honoured', meaning: 'log more; `-vv`, `-vvv` still more' },
  {
    flag: '-Y',
    argument: 'y|n',
    status: 'honoured',
    meaning: '`y`: stop when standard input is closed',
  },
  { flag: '-h', argument: '', status: 'honoured', meaning: 'print the usage and exit' },
  { flag: '-i', argument: '', status: 'honoured', meaning: 'print the version and exit' },
  {
    flag: '-p',
    argument: 'N',
    status: 'ignored',
    meaning: 'moxi would also be a plain memcached server there; this proxy never is',
  },
  { flag: '-U', argument: 'N', status: 'ignored', meaning: 'no UDP' },
  { flag: '-t', argument: 'N', status: 'ignored', meaning: 'one event loop serves all' },
  { flag: '-R', argument: 'N', status: 'ignored', meaning: 'reading is bounded by downstream_max' },
  { flag: '-b', argument: 'N', status: 'ignored', meaning: 'the backlog is 1024' },
  { flag: '-r', argument: '', status: 'ignored', meaning: 'core files are the system’s matter' },
  { flag: '-O', argument: 'FILE', status: 'ignored', meaning: 'logs always go to standard error' },
  {
    flag: '-B',
    argument: 'PROTOCOL',
    status: 'ignored',
    meaning: 'applications speak the text protocol; `binary` is refused',
  },
  { flag: '-d', argument: '', status: 'refused', meaning: 'run it under a supervisor instead' },
  { flag: '-P', argument: 'FILE', status: 'refused', meaning: 'goes with `-d`' },
  { flag: '-u', argument: 'USER', status: 'refused', meaning: 'start it as that user instead' },
  { flag: '-s', argument: 'FILE', status: 'refused', meaning: 'no unix sockets' },
  { flag: '-a', argument: 'MASK', status: 'refused', meaning: 'goes with `-s`' },
  { flag: '-X', argument: '', status: 'refused', meaning: 'a client cannot name the server' },
]
