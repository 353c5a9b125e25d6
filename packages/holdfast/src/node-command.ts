/** `holdfast node`: runs a store node until it is told to stop. */
import { fileURLToPath } from 'node:url'
import type { OpenSessionBrowser } from '@holdfast/cluster'
import { type NodeOptions, nodeOptionTable, readNodeOptions } from '@holdfast/cluster/options'
import { consoleFolder } from '@holdfast/console'
import type { Command } from 'commander'
import { readSecret } from './cluster/secrets.ts'
import { holdfastVersion } from './version.ts'

/** A stop that takes longer than this ends the process all the same. */
const STOP_TIMEOUT_MS = 15_000
/** The gateway makes next to no garbage for a request: a small young generation is enough. */
const GATEWAY_FLAGS = ['--max-semi-space-size=1', '--single-threaded-gc']

export function registerNode(program: Command): void {
  const command = program.command('node').description('run a store node')
  for (const row of nodeOptionTable) {
    if (row.default === '') command.option(row.flags, row.description)
    else command.option(row.flags, row.description, row.default)
  }
  command.action(async (raw: Record<string, unknown>) => {
    const options = readNodeOptions({ ...raw, adminPassword: adminPassword(raw) })
    await runNode({
      ...options,
      version: holdfastVersion(),
      gatewayCommand: gateway(options),
      consoleFolder: consoleFolder(),
      openSessions,
    })
  })
}

/** Loads what knows sessions when the node is asked for one. */
const openSessions: OpenSessionBrowser = async (source) => {
  const { openSessionBrowser } = await import('./sessions/session-browser.ts')
  return openSessionBrowser(source)
}

/** From its file or the environment, where children of this process shall not find it. */
function adminPassword({ adminPasswordFile }: Record<string, unknown>): string | undefined {
  const fromEnvironment = process.env.HOLDFAST_ADMIN_PASSWORD
  delete process.env.HOLDFAST_ADMIN_PASSWORD
  if (typeof adminPasswordFile === 'string') return readSecret(adminPasswordFile)
  return fromEnvironment
}

/** The gateway is the proxy of this same program, with all buckets of the node, on both ports. */
function gateway(
  options: Pick<NodeOptions, 'host' | 'port' | 'gatewayPort' | 'dataPort'>,
): string[] {
  const program = fileURLToPath(new URL('../bin/holdfast.js', import.meta.url))
  const { host, port, gatewayPort, dataPort } = options
  const url = `http://${host}:${port}/pools/default/saslBucketsStreaming`
  const settings = `port_listen=${gatewayPort},default_bucket_name=default`
  const listen = ['-l', host, '--data-port', String(dataPort)]
  return [process.execPath, ...GATEWAY_FLAGS, program, 'proxy', '-Z', settings, ...listen, url]
}

async function runNode(options: NodeOptions): Promise<void> {
  const [{ StoreNode }, { pino }] = await Promise.all([import('@holdfast/cluster'), import('pino')])
  const level = process.env.HOLDFAST_LOG_LEVEL ?? 'info'
  const log = pino({ name: 'holdfast-node', level }, pino.destination({ dest: 2, sync: true }))
  const node = await StoreNode.start(options, log)
  process.stdout.write(`holdfast node ready http://${options.host}:${options.port}\n`)
  const signal = await new Promise<string>((resolve) => {
    for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => resolve(name))
  })
  log.info({ signal }, 'stops')
  const timer = setTimeout(() => process.exit(1), STOP_TIMEOUT_MS)
  await node.stop()
  clearTimeout(timer)
  process.exit(0)
}
