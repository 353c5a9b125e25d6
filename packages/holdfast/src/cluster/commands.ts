/**
 * All cluster commands, with couchbase-cli's names and options, in the order of the reference. The
 * command line is built from this table and docs/reference/cli.md is checked against it.
 */
import { copyCommands } from '../backup/commands.ts'
import type { ClusterCommand } from './command.ts'
import { bucketCommands } from './commands-buckets.ts'
import { clusterCommandRows } from './commands-cluster.ts'
import { groupCommands } from './commands-groups.ts'
import { proxyCommands } from './commands-proxies.ts'
import { rebalanceCommands } from './commands-rebalance.ts'
import { serverCommands } from './commands-servers.ts'
import { sessionCommands } from './commands-sessions.ts'
import { settingsCommands } from './commands-settings.ts'
import { statusCommand } from './status-command.ts'

const ORDER = ['Cluster', 'Servers', 'Buckets', 'Copies of data', 'Sessions', 'Settings']

export const clusterCommands: readonly ClusterCommand[] = [
  statusCommand,
  ...clusterCommandRows,
  ...serverCommands,
  ...rebalanceCommands,
  ...groupCommands,
  ...proxyCommands,
  ...bucketCommands,
  ...copyCommands,
  ...sessionCommands,
  ...settingsCommands,
].sort((a, b) => ORDER.indexOf(a.group) - ORDER.indexOf(b.group))
