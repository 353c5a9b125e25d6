// A program that sets one fresh key after the other through a memcached port, over several
// connections, and says on stdout what became of each: `stored KEY SENT_AT` or `refused KEY
// SENT_AT REASON` (times are of the machine's clock, in milliseconds). A process of its own, so
// that it can be run on another host. Ends on SIGTERM, when what it has sent is answered.
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { TextClient } from './text-client.ts'

const PAUSE_MS = 4
const RECONNECT_MS = 50

const text = { type: 'string', default: '' } as const
const { values: args } = parseArgs({ options: { port: text, name: text, lanes: text } })
let goOn = true
process.once('SIGTERM', () => {
  goOn = false
})

await Promise.all(Array.from({ length: Number(args.lanes) }, (_, lane) => write(lane)))

async function write(lane: number): Promise<void> {
  let client: TextClient | undefined
  for (let count = 0; goOn; count++) {
    const key = `${args.name}-${lane}-${count}`
    const sentAt = Date.now()
    try {
      client ??= await TextClient.open(Number(args.port))
      const reply = await client.set(key, key)
      say(reply === 'STORED' ? `stored ${key} ${sentAt}` : `refused ${key} ${sentAt} ${reply}`)
    } catch (error) {
      client?.close()
      client = undefined
      say(`refused ${key} ${sentAt} ${error instanceof Error ? error.message : String(error)}`)
      await delay(RECONNECT_MS)
    }
    await delay(PAUSE_MS)
  }
  client?.close()
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}
