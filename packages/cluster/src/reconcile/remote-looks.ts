/**
 * The leader's own look at engines whose manager is not heard. A manager may have crashed while its
 * engines serve on (then nothing is failed over), or the whole node is gone.
 */
import { EngineControl, EngineError } from '../engines/engine-control.ts'
import { clusterPicture, parseRole } from '../engines/engine-picture.ts'
import type { EngineStatus } from '../membership/messages.ts'
import type { RemoteLook } from './picture.ts'

interface Look {
  control: EngineControl
  result: RemoteLook | null
  busy: boolean
  wantedAtMs: number
}

export interface RemoteEngine {
  member: number
  host: string
  port: number
  password: string
  bucketUuid: string
  shard: number
}

const FORGOTTEN_AFTER_MS = 1000

export class RemoteLooks {
  readonly #looks = new Map<string, Look>()

  /** Begins or goes on looking at these engines; looks at others end. */
  watch(engines: readonly RemoteEngine[]): void {
    const nowMs = performance.now()
    for (const engine of engines) {
      const key = `${engine.member}:${engine.port}`
      let look = this.#looks.get(key)
      if (!look) {
        const control = new EngineControl(engine)
        look = { control, result: null, busy: false, wantedAtMs: nowMs }
        this.#looks.set(key, look)
      }
      look.wantedAtMs = nowMs
      if (!look.busy) void this.#take(look, engine)
    }
    for (const [key, look] of this.#looks) {
      if (nowMs - look.wantedAtMs < FORGOTTEN_AFTER_MS) continue
      look.control.close()
      this.#looks.delete(key)
    }
  }

  get(member: number, port: number): RemoteLook | null {
    return this.#looks.get(`${member}:${port}`)?.result ?? null
  }

  /** Every engine of that member serves, without its manager. */
  allAnswer(member: number): boolean {
    const own = [...this.#looks].filter(([key]) => key.startsWith(`${member}:`))
    return own.length > 0 && own.every(([, look]) => look.result?.kind === 'answers')
  }

  close(): void {
    for (const look of this.#looks.values()) look.control.close()
    this.#looks.clear()
  }

  async #take(look: Look, engine: RemoteEngine): Promise<void> {
    look.busy = true
    try {
      const status = await statusOf(look.control, engine)
      look.result = { kind: 'answers', status }
    } catch (error) {
      const refused = error instanceof EngineError && error.refused
      look.result = { kind: refused ? 'refused' : 'silent' }
    } finally {
      look.busy = false
    }
  }
}

async function statusOf(control: EngineControl, engine: RemoteEngine): Promise<EngineStatus> {
  const { role, linkUp } = parseRole(await control.call('ROLE'))
  const picture = clusterPicture(await control.text('CLUSTER', 'NODES'))
  if (!picture) throw new EngineError(`${control.host}:${control.port} does not name itself`)
  return {
    bucket: engine.bucketUuid,
    shard: engine.shard,
    port: engine.port,
    state: 'running',
    role,
    linkUp,
    ...picture,
    memoryBytes: 0,
    items: 0,
  }
}
