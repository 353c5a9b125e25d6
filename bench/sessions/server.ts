// One web server of the suite `sessions`, as a process of its own: `server.ts KIND`. PORT and the
// address of the store (STORE, host:port) come from the environment. All of them answer alike:
//
//   /login   begins a session of about 330 bytes
//   /read    the visitor's name and count
//   /write   the same after adding one to the count
//   /memory  bytes of heap in use after a garbage collection
import { serverKind } from './kinds.ts'
import type { ServerSettings } from './server-settings.ts'

const kind = serverKind(process.argv[2] ?? '')
const settings: ServerSettings = {
  port: Number(process.env.PORT),
  store: process.env.STORE ?? '',
  secret: 'a secret of the bench that is long enough',
}
// Only the framework that is measured is loaded.
const { listen } = (await import(`./${kind.framework}-server.ts`)) as {
  listen: (kind: string, settings: ServerSettings) => Promise<void>
}
await listen(kind.name, settings)
process.stdout.write('ready\n')
