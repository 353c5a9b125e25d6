/**
 * All commands of `holdfast` but `proxy`, as one command line. It knows names and options; what a
 * command needs to do its work is loaded when it runs, so that a short command starts quickly.
 */
import { Command } from 'commander'
import { registerCompletion } from './cluster/completion.ts'
import { registerClusterCommands } from './cluster/register.ts'
import { registerDemo } from './demo.ts'
import { registerNode } from './node-command.ts'
import { holdfastVersion } from './version.ts'

/** Builds the whole command line. */
export function holdfastProgram(): Command {
  const program = new Command('holdfast')
    .description('web sessions that hold fast when a server dies')
    .version(holdfastVersion())
    .exitOverride()
  registerNode(program)
  program
    .command('proxy')
    .description("run a local proxy; takes moxi's own options (holdfast proxy -h)")
    .helpOption(false)
    .allowUnknownOption()
    .allowExcessArguments()
  registerClusterCommands(program)
  registerDemo(program)
  registerCompletion(program)
  return program
}
