/** Since when copies of the model look out of sync, as the reconciler remembers it. */
import { type BucketPicture, isInSync } from '../reconcile/picture.ts'

export class OutOfSync {
  readonly #since = new Map<string, number>()

  /** For how many turns the member's copy of the shard has looked so; 0 when it looks well. */
  turns(picture: BucketPicture, at: { shard: number; member: number; turn: number }): number {
    const shard = picture.shards[at.shard]
    const engine = shard?.engines.find((e) => e.member === at.member)
    const primary = shard?.engines.find((e) => e.member === shard.primary)
    const key = `${at.shard}/${at.member}`
    const isWell = engine !== undefined && primary !== undefined && isInSync(engine, primary)
    if (isWell) this.#since.delete(key)
    else if (!this.#since.has(key)) this.#since.set(key, at.turn)
    return at.turn - (this.#since.get(key) ?? at.turn)
  }
}
