/**
 * Reads the scenario files of testdata/ and writes steps as text, so that a scenario can be read
 * without its test. A scenario:
 *
 *   == title, a sentence
 *   memory out-of-sync 2=600 since-failover 100 filling 3=4 handing-over    (optional)
 *   shard 0 primary 1 replicas 2,3 wanted 1,2,3          (`new` at the end: not created yet)
 *   1 down                                               engines, by member
 *   2 up replica of 1
 *   arbiter 9 up knows nobody                            (optional, after the shards)
 *   ----
 *   shard 0: failover from 1 to one of 2,3
 *
 * An engine line says member, reach, then any of: `silent`, `cannot-write`, `unmanaged`, `failed`,
 * `leaving`, `stopping`, `primary`, `slots`, `epoch N`, `megabytes N`, `replica of M`, `link down`,
 * `knows nobody` or `knows ID,ID`. The id of an engine is MEMBER.SHARD (`9.a` for an arbiter's); it
 * knows all others unless it says otherwise.
 */
import { readFileSync } from 'node:fs'
import type { ShardPlacement } from '@holdfast/topology'
import type { Bucket } from '../document/cluster-document.ts'
import type { BucketPicture, EnginePicture, Reach, ShardPicture } from '../reconcile/picture.ts'
import type { PlanMemory, Step } from '../reconcile/plan.ts'
import { calmMemory } from './fixtures.ts'

export interface Scenario {
  title: string
  picture: BucketPicture
  wanted: ShardPlacement[]
  memory: PlanMemory
  expected: string
}

const REACHES: readonly Reach[] = ['up', 'starting', 'down', 'unknown']

/** The scenarios of one file of testdata/. Throws on a line that it cannot read. */
export function readScenarios(name: string): Scenario[] {
  const path = new URL(`../../testdata/${name}`, import.meta.url)
  const text = readFileSync(path, 'utf8').replaceAll(/^#.*\n/gm, '')
  return text
    .split(/^== /m)
    .slice(1)
    .map((block) => readScenario(block))
}

function readScenario(block: string): Scenario {
  const [head = '', expected = ''] = block.split(/^----$/m)
  const [title = '', ...lines] = head.split('\n').filter((line) => line.trim() !== '')
  const shards: ShardPicture[] = []
  const arbiters: EnginePicture[] = []
  const wanted: ShardPlacement[] = []
  const telling = new Set<EnginePicture>()
  let memory = calmMemory()
  for (const line of lines) {
    const words = new Words(line)
    if (words.take('memory')) memory = readMemory(words)
    else if (words.take('shard')) shards.push(readShard(words, wanted))
    else {
      const shard = words.take('arbiter') ? null : (shards.at(-1) ?? null)
      const engine = readEngine(words, shard?.index ?? null, telling)
      ;(shard?.engines ?? arbiters).push(engine)
    }
    words.end()
  }
  const all = [...shards.flatMap((shard) => shard.engines), ...arbiters]
  for (const engine of all)
    if (!telling.has(engine)) engine.known = all.flatMap(acquaintance(engine))
  const picture = { bucket: scenarioBucket(), shards, arbiters }
  return { title, picture, wanted, memory, expected: expected.trim() }
}

const acquaintance =
  (of: EnginePicture) =>
  (engine: EnginePicture): EnginePicture['known'] =>
    engine === of ? [] : [{ id: engine.engineId, address: engine.address, failed: false }]

function readMemory(words: Words): PlanMemory {
  const memory = calmMemory()
  while (!words.done) {
    if (words.take('out-of-sync')) {
      const [member, ms] = words.pair()
      memory.outOfSyncMs = (_shard, of) => (of === member ? ms : 0)
    } else if (words.take('since-failover')) {
      const ms = words.number()
      memory.sinceFailoverMs = () => ms
    } else if (words.take('filling')) {
      const [member, copies] = words.pair()
      memory.fillingOn = (on) => (on === member ? copies : 0)
    } else if (words.take('no-auto-failover')) memory.mayFailOver = () => false
    else if (words.take('handing-over')) memory.handingOver = true
    else if (words.take('unsettled')) memory.unsettled = true
    else words.refuse()
  }
  return memory
}

function readShard(words: Words, wanted: ShardPlacement[]): ShardPicture {
  const shard: ShardPicture = {
    index: words.number(),
    primary: null,
    replicas: [],
    created: true,
    engines: [],
  }
  while (!words.done) {
    if (words.take('primary')) shard.primary = words.take('none') ? null : words.number()
    else if (words.take('replicas')) shard.replicas = words.list().map(Number)
    else if (words.take('new')) shard.created = false
    else if (words.take('wanted')) {
      const [primary, ...replicas] = words.list().map(Number)
      wanted[shard.index] = { primary: primary ?? null, replicas }
    } else words.refuse()
  }
  return shard
}

function readEngine(
  words: Words,
  shard: number | null,
  telling: Set<EnginePicture>,
): EnginePicture {
  const place = shard === null ? 'a' : String(shard)
  const member = words.number()
  const reach = REACHES.find((one) => words.take(one)) ?? words.refuse()
  const engine = blankEngine(member, place, reach)
  while (!words.done) {
    if (words.take('silent')) engine.silent = true
    else if (words.take('cannot-write')) engine.cannotWrite = true
    else if (words.take('unmanaged')) engine.managed = false
    else if (words.take('failed')) engine.failed = true
    else if (words.take('leaving')) engine.leaving = true
    else if (words.take('stopping')) engine.stopping = true
    else if (words.take('primary')) engine.role = 'primary'
    else if (words.take('slots')) engine.slots = [[0, 2047]]
    else if (words.take('epoch')) engine.configEpoch = words.number()
    else if (words.take('megabytes')) engine.memoryBytes = words.number() * 2 ** 20
    else if (words.take('replica')) {
      words.need('of')
      engine.primaryId = `${words.number()}.${place}`
      engine.linkUp = engine.reach === 'up'
    } else if (words.take('link')) {
      words.need('down')
      engine.linkUp = false
    } else if (words.take('knows')) {
      telling.add(engine)
      const ids = words.take('nobody') ? [] : words.list()
      engine.known = ids.map((id) => ({ id, address: addressOf(id), failed: false }))
    } else words.refuse()
  }
  return engine
}

/** An engine that has said nothing yet. */
export function blankEngine(member: number, place: string, reach: Reach): EnginePicture {
  const engineId = `${member}.${place}`
  return {
    member,
    host: `host-${member}`,
    port: 12_000,
    address: addressOf(engineId),
    managed: true,
    failed: false,
    leaving: false,
    stopping: false,
    reach,
    silent: false,
    cannotWrite: false,
    engineId,
    role: 'replica',
    primaryId: '',
    linkUp: false,
    slots: [],
    known: [],
    configEpoch: 0,
    memoryBytes: 0,
    items: 0,
  }
}

/** An id with an apostrophe is an earlier life of the engine at the same address. */
function addressOf(engineId: string): string {
  return `host-${engineId.replace("'", '')}`
}

export function scenarioBucket(): Bucket {
  return {
    name: 'default',
    uuid: 'bucket-1',
    type: 'membase',
    ramMegabytes: 100,
    replicaCount: 1,
    authType: 'sasl',
    proxyPort: null,
    eviction: 'refuse',
    persistence: 'everysec',
    login: null,
    durability: 'replicated',
    degradedWrites: 'allow',
    engineAdminPassword: 'admin-secret',
    engineDataPassword: 'data-secret',
    shards: [],
    arbiterInstances: [],
  }
}

/** Steps as the scenario files write them. */
export function stepsText(steps: readonly Step[]): string {
  return steps.map((step) => `shard ${step.shard}: ${stepText(step)}`).join('\n') || 'nothing'
}

function stepText(step: Step): string {
  switch (step.kind) {
    case 'grantStart':
      return `grantStart on ${step.member}`
    case 'failover':
      return `failover from ${step.from ?? 'none'} to one of ${step.candidates}${step.silent ? ', silent' : ''}`
    case 'handover':
      return `handover to ${step.to}`
    case 'addSlots':
      return `addSlots to ${step.member}`
    case 'replicate':
      return `replicate ${step.member} from ${step.primary}`
    case 'note':
    case 'noteLoss':
      return `${step.kind} primary ${step.primary} replicas ${step.replicas.join(',') || 'none'}: ${step.why}`
    case 'addInstance':
      return `addInstance on ${step.member}`
    case 'removeInstance':
      return `removeInstance on ${step.member}`
  }
}

/** The words of one line, read from left to right. */
class Words {
  readonly #line: string
  readonly #words: string[]

  constructor(line: string) {
    this.#line = line
    this.#words = line.trim().split(/\s+/)
  }

  get done(): boolean {
    return this.#words.length === 0
  }

  take(word: string): boolean {
    if (this.#words[0] !== word) return false
    this.#words.shift()
    return true
  }

  need(word: string): void {
    if (!this.take(word)) this.refuse()
  }

  number(): number {
    const number = Number(this.#words.shift() ?? Number.NaN)
    return Number.isInteger(number) ? number : this.refuse()
  }

  /** `1,2,3`, or `none`. */
  list(): string[] {
    return this.take('none') ? [] : (this.#words.shift() ?? this.refuse()).split(',')
  }

  /** `3=4` */
  pair(): [number, number] {
    const [key = Number.NaN, value = Number.NaN] = (this.#words.shift() ?? '')
      .split('=')
      .map(Number)
    return [key, value]
  }

  end(): void {
    if (!this.done) this.refuse()
  }

  refuse(): never {
    throw new Error(`cannot read "${this.#words.join(' ')}" in the line "${this.#line}"`)
  }
}
