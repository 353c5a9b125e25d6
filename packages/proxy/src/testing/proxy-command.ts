// The proxy's command as a program of its own, for tests.
import { runProxy } from '../run-proxy.ts'

process.exitCode = await runProxy(process.argv.slice(2), process)
