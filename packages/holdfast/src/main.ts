/**
 * The command line `holdfast`: which command, with which options; the work is in the packages.
 * Exit status: 0 done, 1 failed while running, 2 wrong use.
 */
import { Command, CommanderError } from 'commander'
import { registerCompletion } from './cluster/completion.ts'
import { registerClusterCommands } from './cluster/register.ts'
import { registerDemo } from './demo.ts'
import { holdfastVersion, registerNode } from './node-command.ts'

const EXIT_FAILED = 1
const EXIT_USAGE = 2

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

/** Runs one command line (without node and script). Sets the exit status. */
export async function main(argv: readonly string[]): Promise<void> {
  if (argv[0] === 'proxy') {
    const { runProxy } = await import('@holdfast/proxy')
    const { stdout, stderr } = process
    process.exitCode = await runProxy(argv.slice(1), { stdout, stderr })
    return
  }
  try {
    await holdfastProgram().parseAsync([...argv], { from: 'user' })
  } catch (error) {
    if (error instanceof CommanderError) {
      process.exitCode = error.exitCode === 0 ? 0 : EXIT_USAGE
      return
    }
    const { message } = error instanceof Error ? error : new Error(String(error))
    process.stderr.write(`holdfast: ${message}\n`)
    process.exitCode = EXIT_FAILED
  }
}
