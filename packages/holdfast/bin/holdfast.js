#!/usr/bin/env node
// The command `holdfast`. Plain JavaScript that any Node since 14 can parse: on a Node older than
// the code needs it starts again on the npm package `node` when that is installed beside it, and
// says what is missing when it is not.
import { runOnFittingNode } from './fitting-node.js'

runOnFittingNode(import.meta.url, process.argv.slice(2))
