/**
 * A member's own look at engines whose manager is not heard. A manager may have crashed while its
 * engines serve on (then nothing is failed over), or the whole node is gone. The leader looks at
 * the engines of all such members; the others at those of a leader that is not heard, so that
 * whoever leads next knows about them at once.
 */
import { EngineControl, EngineError } from '../engines/engine-control.ts'
import { clusterPicture, parseRole } from '../engines/engine-picture.ts'
import type { EngineStatus } from '../membership/messages.ts'
import type { RemoteLook } from './picture.ts'

interface Look {
  control: EngineControl
  result: RemoteLook | null
  busy: boolean
  takenAtMs: number
  /** Counts the times that its manager was heard again. */
  absence: number
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

/** The connection is kept this long after the last look that was asked for. */
const FORGOTTEN_AFTER_MS = 1000
/** What was seen longer ago counts as not seen; a look at a silent engine takes most of a second. */
export const LOOK_VALID_MS = 2000

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
        look = {
          control,
          result: null,
          busy: false,
          takenAtMs: nowMs,
          absence: 0,
          wantedAtMs: nowMs,
        }
        this.#looks.set(key, look)
      }
      look.wantedAtMs = nowMs
      if (!look.busy) void this.#take(look, engine)
    }
    for (const [key, look] of this.#looks) {
      if (look.wantedAtMs === nowMs) continue
      // What it says belongs to one absence of its manager; the next one starts with no judgement.
      look.result = null
      look.absence++
      if (nowMs - look.wantedAtMs < FORGOTTEN_AFTER_MS) continue
      look.control.close()
      this.#looks.delete(key)
    }
  }

  get(member: number, port: number): RemoteLook | null {
    return resultOf(this.#looks.get(`${member}:${port}`))
  }

  /** Every engine of that member serves, without its manager. */
  allAnswer(member: number): boolean {
    const own = [...this.#looks].filter(([key]) => key.startsWith(`${member}:`))
    return own.length > 0 && own.every(([, look]) => resultOf(look)?.kind === 'answers')
  }

  close(): void {
    for (const look of this.#looks.values()) look.control.close()
    this.#looks.clear()
  }

  async #take(look: Look, engine: RemoteEngine): Promise<void> {
    look.busy = true
    const startMs = performance.now()
    const { absence } = look
    let result: RemoteLook
    try {
      result = { kind: 'answers', status: await statusOf(look.control, engine) }
    } catch (error) {
      const refused = error instanceof EngineError && error.refused
      result = { kind: refused ? 'refused' : 'silent' }
    }
    look.busy = false
    if (look.absence !== absence) return
    look.result = result
    look.takenAtMs = startMs
  }
}

function resultOf(look: Look | undefined): RemoteLook | null {
  if (look === undefined || performance.now() - look.takenAtMs > LOOK_VALID_MS) return null
  return look.result
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
    trouble: null,
    usage: null,
  }
}
