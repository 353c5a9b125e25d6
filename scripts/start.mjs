// `npm start`: the set-up, then the demo, `holdfast demo`, on the pinned Node.
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { runOnPinnedNode } from './run-on-pinned-node.mjs'
import { setUpOrExit } from './setup.mjs'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const node = setUpOrExit('start')
const holdfast = join(root, 'packages', 'holdfast', 'bin', 'holdfast.js')
runOnPinnedNode(node, [holdfast, 'demo', ...process.argv.slice(2)])
