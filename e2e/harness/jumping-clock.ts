// Loaded into a process before its program: its wall clock, not the monotonic one, is as many
// milliseconds off as the file of HOLDFAST_TEST_CLOCK says, which may change while it runs.
import { readFileSync } from 'node:fs'

const LOOK_INTERVAL_MS = 50
const path = process.env.HOLDFAST_TEST_CLOCK ?? ''
const trueNow = Date.now
let offMs = 0

function look(): void {
  try {
    offMs = Number(readFileSync(path, 'utf8')) || 0
  } catch {
    offMs = 0
  }
}

class JumpingDate extends Date {
  constructor(...given: readonly unknown[]) {
    super(...((given.length === 0 ? [trueNow() + offMs] : given) as [number]))
  }

  static override now(): number {
    return trueNow() + offMs
  }
}

if (path !== '') {
  look()
  setInterval(look, LOOK_INTERVAL_MS).unref()
  globalThis.Date = JumpingDate as DateConstructor
}
