/**
 * Which engines of a bucket must be introduced to each other, and which ones forgotten. Pure.
 */
import type { BucketPicture, EnginePicture } from './picture.ts'

export interface Introduction {
  engine: EnginePicture
  to: EnginePicture
}

export interface Forgetting {
  engine: EnginePicture
  id: string
}

function enginesOf(picture: BucketPicture): EnginePicture[] {
  return [...picture.shards.flatMap((s) => s.engines), ...picture.arbiters]
}

/** Pairs that do not know each other; one command introduces both. */
export function planMeetings(picture: BucketPicture): Introduction[] {
  const up = enginesOf(picture).filter((e) => e.reach === 'up' && e.engineId !== '')
  const meetings: Introduction[] = []
  for (const [index, engine] of up.entries()) {
    for (const to of up.slice(index + 1)) {
      const known = engine.known.some((k) => k.id === to.engineId)
      const knows = to.known.some((k) => k.id === engine.engineId)
      if (!known || !knows) meetings.push({ engine, to })
    }
  }
  return meetings
}

export interface FirstEpoch {
  engine: EnginePicture
  epoch: number
}

/**
 * Config epochs for engines that know nobody yet, in the first life of a bucket: each another one.
 * Engines that meet with the same epoch settle that among them, one after the other, and each time
 * all of them write their file and wait for the disk.
 */
export function planFirstEpochs({ shards, arbiters }: BucketPicture): FirstEpoch[] {
  if (shards.every((shard) => shard.created)) return []
  const copies = Math.max(...shards.map((shard) => shard.engines.length))
  const ofShards = shards.flatMap(({ index, primary, engines }) =>
    engines
      .toSorted((a, b) => Number(b.member === primary) - Number(a.member === primary))
      .map((engine, copy) => ({ engine, epoch: firstEpoch(index) + copy * shards.length })),
  )
  const ofArbiters = arbiters.map((engine, index) => ({
    engine,
    epoch: firstEpoch(index) + copies * shards.length,
  }))
  return [...ofShards, ...ofArbiters].filter(
    ({ engine }) => engine.reach === 'up' && engine.configEpoch === 0 && engine.known.length === 0,
  )
}

/** The config epoch of a shard's first primary. */
export function firstEpoch(shard: number): number {
  return shard + 1
}

/**
 * Entries for engines that no document lists: removed copies, and earlier lives of a copy whose
 * folder was lost. Only while every listed engine is up: an id seen in passing is left alone.
 */
export function planForgetting(picture: BucketPicture): Forgetting[] {
  const engines = enginesOf(picture)
  if (engines.some((e) => e.reach !== 'up')) return []
  const idAt = new Map(engines.map((e) => [e.address, e.engineId]))
  return engines.flatMap((engine) =>
    engine.known.filter((k) => idAt.get(k.address) !== k.id).map((k) => ({ engine, id: k.id })),
  )
}

/** Slot that an arbiter's engine owns so that it votes; no vBucket maps to it. */
export function arbiterSlot(index: number): number {
  return index + 1
}

/** Arbiters' engines that own no slot yet and know, and are known by, the owner of theirs. */
export function planArbiterSlots(
  picture: BucketPicture,
): { arbiter: EnginePicture; owner: EnginePicture; slot: number }[] {
  return picture.arbiters.flatMap((arbiter, index) => {
    const slot = arbiterSlot(index)
    if (arbiter.reach !== 'up' || arbiter.slots.length > 0) return []
    const owner = picture.shards
      .flatMap((s) => s.engines)
      .find((e) => e.reach === 'up' && e.slots.some(([a, b]) => a <= slot && slot <= b))
    if (!owner) return []
    const acquainted =
      owner.known.some((k) => k.id === arbiter.engineId) &&
      arbiter.known.some((k) => k.id === owner.engineId)
    return acquainted ? [{ arbiter, owner, slot }] : []
  })
}
