#!/usr/bin/env node
// The command `moxi`: `holdfast proxy` with moxi's own command line.
import { runOnFittingNode } from './fitting-node.js'

runOnFittingNode(import.meta.url, process.argv.slice(2), ['proxy'])
