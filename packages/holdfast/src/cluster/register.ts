/** Puts the cluster commands of the table on the command line. */
import type { Command } from 'commander'
import { clusterCommands, type OptionValues } from './commands.ts'
import { RestClient } from './rest-client.ts'

/** Options of every cluster command. */
export const connectionOptions: readonly { flags: string; description: string }[] = [
  { flags: '-c, --cluster <host[:port]>', description: 'REST address of any member' },
  { flags: '-u, --username <user>', description: 'admin (or HOLDFAST_USERNAME)' },
  { flags: '-p, --password <password>', description: 'password (or HOLDFAST_PASSWORD)' },
]

export function registerClusterCommands(program: Command): void {
  for (const row of clusterCommands) {
    const command = program.command(row.name).description(row.description)
    for (const { flags, description } of connectionOptions) command.option(flags, description)
    for (const option of row.options) {
      const add = option.required ? 'requiredOption' : 'option'
      if (option.default === undefined) command[add](option.flags, option.description)
      else command.option(option.flags, option.description, option.default)
    }
    command.action(async (options: OptionValues) => {
      const username = text(options.username) ?? process.env.HOLDFAST_USERNAME
      const password = text(options.password) ?? process.env.HOLDFAST_PASSWORD
      const rest = new RestClient({
        cluster: text(options.cluster) ?? '127.0.0.1:8091',
        ...(username === undefined ? {} : { username }),
        ...(password === undefined ? {} : { password }),
      })
      const print = (line: string): void => {
        process.stdout.write(`${line}\n`)
      }
      await row.run({ rest, options, print })
    })
  }
}

function text(value: string | boolean | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined
}
