// `npm run bench`: the set-up, then bench/run.ts on the pinned Node.
import { join } from 'node:path'
import { runOnPinnedNode } from '../scripts/run-on-pinned-node.mjs'
import { setUpOrExit } from '../scripts/setup.mjs'

const node = setUpOrExit('bench')
const run = join(import.meta.dirname, 'run.ts')
runOnPinnedNode(node, ['--disable-warning=ExperimentalWarning', run, ...process.argv.slice(2)])
