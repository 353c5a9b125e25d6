/**
 * The command line `holdfast`: which command, with which options; the work is in the packages.
 * Exit status: 0 done, 1 failed while running, 2 wrong use.
 *
 * A proxy is also each node's gateway, a process that lives long: it loads nothing of the rest.
 */
const EXIT_FAILED = 1
const EXIT_USAGE = 2

/** Runs one command line (without node and script). Sets the exit status. */
export async function main(argv: readonly string[]): Promise<void> {
  if (argv[0] === 'proxy') {
    const { runProxy } = await import('@holdfast/proxy')
    const { stdout, stderr } = process
    process.exitCode = await runProxy(argv.slice(1), { stdout, stderr })
    return
  }
  const { CommanderError } = await import('commander')
  const { holdfastProgram } = await import('./command-line.ts')
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
