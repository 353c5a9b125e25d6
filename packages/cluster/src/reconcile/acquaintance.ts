/**
 * Keeps the engines of a bucket acquainted: introduces those that do not know each other, has
 * removed ones forgotten, gives arbiters' engines their slot. Acts only; what is due is meet.ts.
 * The next turn's picture shows what came of it, so a command that fails is simply due again.
 */
import type { Logger } from 'pino'
import type { EngineControls } from './engine-controls.ts'
import {
  type FirstEpoch,
  type Introduction,
  planArbiterSlots,
  planFirstEpochs,
  planForgetting,
  planMeetings,
} from './meet.ts'
import type { BucketPicture } from './picture.ts'

/** A pair is introduced, or an id forgotten, at most this often. */
const ACQUAINT_INTERVAL_MS = 1000
/** Buckets that are remembered; those that are gone are among them. */
const SETTLED_MAX = 100

export class Acquaintance {
  readonly #controls: EngineControls
  readonly #log: Logger
  readonly #acquaintedAtMs = new Map<string, number>()
  /** Engines by address that are being given their first config epoch. */
  readonly #epochs = new Map<string, Promise<unknown>>()
  /** By bucket: what its engines said when nothing was due. */
  readonly #settled = new Map<string, readonly unknown[]>()

  constructor(options: { controls: EngineControls; log: Logger }) {
    this.#controls = options.controls
    this.#log = options.log
  }

  /**
   * Introduces engines to each other, forgets removed ones, gives arbiters their slots. True when
   * nothing of that was due.
   */
  run(picture: BucketPicture): boolean {
    const said = saidIn(picture)
    const { uuid } = picture.bucket
    if (isSame(said, this.#settled.get(uuid))) return true
    const meetings = planMeetings(picture)
    const forgetting = planForgetting(picture)
    const slots = planArbiterSlots(picture)
    const isDue = meetings.length + forgetting.length + slots.length > 0
    if (isDue) this.#settled.delete(uuid)
    else this.#settled.set(uuid, said)
    if (this.#settled.size > SETTLED_MAX) this.#settled.clear()
    if (meetings.length > 0) {
      for (const first of planFirstEpochs(picture)) this.#giveEpoch(picture, first)
    }
    for (const meeting of meetings) this.#introduce(picture, meeting)
    for (const { engine, id } of forgetting) {
      this.#seldom(`forget ${engine.address} ${id}`, () =>
        this.#controls.of(picture.bucket, engine).call('CLUSTER', 'FORGET', id),
      )
    }
    for (const { arbiter, owner, slot } of slots) {
      this.#seldom(`slot ${picture.bucket.name} ${slot}`, async () => {
        const control = this.#controls.of(picture.bucket, arbiter)
        const give = ['SETSLOT', slot, 'NODE', arbiter.engineId] as const
        await this.#controls.of(picture.bucket, owner).call('CLUSTER', ...give)
        await control.call('CLUSTER', ...give)
        await control.call('CLUSTER', 'BUMPEPOCH')
      })
    }
    return !isDue
  }

  /** An engine takes an epoch only while it knows nobody. One that refuses has one or settles it. */
  #giveEpoch({ bucket }: BucketPicture, { engine, epoch }: FirstEpoch): void {
    this.#seldom(`epoch ${engine.address}`, async () => {
      const control = this.#controls.of(bucket, engine)
      const taken = control.call('CLUSTER', 'SET-CONFIG-EPOCH', epoch).catch(() => null)
      this.#epochs.set(engine.address, taken)
      await taken
      this.#epochs.delete(engine.address)
    })
  }

  #introduce({ bucket }: BucketPicture, { engine, to }: Introduction): void {
    this.#seldom(`meet ${engine.address} ${to.address}`, async () => {
      await this.#epochs.get(engine.address)
      await this.#epochs.get(to.address)
      await this.#controls.of(bucket, engine).call('CLUSTER', 'MEET', to.host, to.port)
    })
  }

  #seldom(what: string, act: () => Promise<unknown>): void {
    const nowMs = performance.now()
    for (const [key, atMs] of this.#acquaintedAtMs) {
      if (nowMs - atMs > ACQUAINT_INTERVAL_MS) this.#acquaintedAtMs.delete(key)
    }
    if (this.#acquaintedAtMs.has(what)) return
    this.#acquaintedAtMs.set(what, nowMs)
    act().catch((error: unknown) => this.#log.debug({ what, err: error }, 'acquainting failed'))
  }
}

/** All that the plans of meet.ts look at. A report that has not changed is the same object. */
function saidIn({ shards, arbiters }: BucketPicture): unknown[] {
  const engines = [...shards.flatMap((s) => s.engines), ...arbiters]
  return engines.flatMap((e) => [e.address, e.reach, e.engineId, e.known, e.slots])
}

function isSame(a: readonly unknown[], b: readonly unknown[] | undefined): boolean {
  return b !== undefined && a.length === b.length && a.every((value, i) => value === b[i])
}
