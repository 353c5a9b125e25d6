// `holdfast demo`: the whole picture on one machine, to watch it and to kill parts of it. The
// command line only; demo/ does the work.
import { fileURLToPath } from 'node:url'
import type { Command } from 'commander'

const root: string = fileURLToPath(new URL('../../..', import.meta.url)).replace(/\/$/, '')

/** Adds `demo`, `demo kill N`, `demo revive N` and `demo status` to the program. */
export function registerDemo(program: Command): void {
  const demo = program
    .command('demo')
    .description(
      'run three store nodes, two app servers with local proxies and a load balancer here',
    )
    .option('--embedded', 'no store nodes: one proxy with the embedded store')
    .action(async (options: { embedded?: boolean }) => {
      const { runDemo } = await import('./demo/demo-run.ts')
      await runDemo(root, { embedded: options.embedded ?? false })
    })
  for (const [name, description] of [
    ['kill', 'kill -9 every process of a store node of the running demo'],
    ['revive', 'start a killed store node of the running demo again'],
  ] as const) {
    demo
      .command(`${name} <node>`)
      .description(description)
      .action(async (node: string) => await say(`/${name}/${node}`))
  }
  demo
    .command('status')
    .description('one line on the state of the running demo')
    .action(async () => await say('/status'))
}

async function say(path: string): Promise<void> {
  const { sendCommand } = await import('./demo/demo-control.ts')
  process.stdout.write(`${await sendCommand(root, path)}\n`)
}
