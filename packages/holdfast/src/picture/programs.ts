// Where the parts of a picture are: this package's own command, the example app server of the
// checkout, and the system's load balancer and engine.
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { findProgram } from './find-program.ts'

const COMMAND_TIMEOUT_MS = 90_000

export interface Programs {
  readonly node: string
  readonly holdfast: string
  readonly appServer: string
  readonly balancer: string | undefined
  readonly engine: string | undefined
}

/** The programs of the checkout at `root`; throws when it is not a checkout of the project. */
export function findPrograms(root: string): Programs {
  const appServer = join(root, 'examples', 'express', 'server.ts')
  if (!existsSync(appServer)) {
    throw new Error(
      `the example app is missing at ${appServer}: run this in a checkout of Holdfast`,
    )
  }
  return {
    node: process.execPath,
    holdfast: join(root, 'packages', 'holdfast', 'bin', 'holdfast.js'),
    appServer,
    balancer: findProgram('haproxy'),
    engine: process.env.HOLDFAST_ENGINE ?? findProgram('valkey-server', 'redis-server'),
  }
}

/** Runs one `holdfast` command to its end and returns its stdout; throws with what it said. */
export async function runHoldfast(programs: Programs, args: readonly string[]): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)(programs.node, [programs.holdfast, ...args], {
      timeout: COMMAND_TIMEOUT_MS,
    })
    return stdout
  } catch (cause) {
    const said = cause as { stderr?: string; stdout?: string; message?: string }
    const text = [said.stderr, said.stdout, said.message].find((part) => part?.trim())
    throw new Error(`holdfast ${args[0]} failed: ${text?.trim()}`)
  }
}
