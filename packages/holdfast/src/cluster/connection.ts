/** Options that every cluster command takes: which members to talk to, as whom, and how to answer. */
import { type OptionRow, type OptionValues, textOf } from './command.ts'
import { RestClient } from './rest-client.ts'

const DEFAULT_CLUSTER = '127.0.0.1:8091'

/** Options of every cluster command. */
export const connectionOptions: readonly OptionRow[] = [
  {
    flags: '-c, --cluster <host[:port],...>',
    description: 'members to talk to, the first that answers is asked (or CB_CLUSTER)',
  },
  {
    flags: '-u, --username <user>',
    description: 'admin (or CB_REST_USERNAME, HOLDFAST_USERNAME)',
    aliases: ['--user'],
  },
  {
    flags: '-p, --password [password]',
    description: 'password (or CB_REST_PASSWORD, HOLDFAST_PASSWORD); without a value it is asked',
    secret: true,
  },
  {
    flags: '-o, --output <kind>',
    description: 'standard: for people; json: one JSON value on standard output, errors as JSON',
    choices: ['standard', 'json'],
    default: 'standard',
  },
  { flags: '-d, --debug', description: 'show the requests on standard error' },
  { flags: '-s, --ssl', description: 'talk HTTPS to members named without a scheme' },
  { flags: '--cacert <path>', description: 'certificate that HTTPS members must be signed with' },
  { flags: '--no-ssl-verify', description: 'take any certificate' },
]

/** The store as the options and the environment name it. */
export function connect(options: OptionValues, env: NodeJS.ProcessEnv): RestClient {
  const username =
    textOf(options, 'username') ?? env.CB_REST_USERNAME ?? env.HOLDFAST_USERNAME ?? undefined
  const password =
    textOf(options, 'password') ?? env.CB_REST_PASSWORD ?? env.HOLDFAST_PASSWORD ?? undefined
  const caPath = textOf(options, 'cacert')
  const named = textOf(options, 'cluster') ?? env.CB_CLUSTER ?? DEFAULT_CLUSTER
  return new RestClient({
    cluster: options.ssl === true ? secured(named) : named,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(caPath === undefined ? {} : { caPath }),
    verifies: options.sslVerify !== false,
    ...(options.debug === true ? { trace: writeTrace } : {}),
  })
}

function secured(cluster: string): string {
  const names = cluster.split(',').filter((name) => name !== '')
  return names.map((name) => (name.includes('://') ? name : `https://${name}`)).join(',')
}

function writeTrace(line: string): void {
  process.stderr.write(`debug: ${line}\n`)
}
