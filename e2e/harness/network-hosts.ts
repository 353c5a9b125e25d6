// Several hosts on one machine: network namespaces, each with an address of its own on one bridge.
// A host can be cut off as by a cable that is pulled at the far end of the switch: its own link
// stays up, nobody is told, packets just no longer arrive. This process stands on the bridge too.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import type { NodeHosts } from '../../packages/holdfast/src/picture/local-store.ts'

const NAME_BYTES = 3
const SUBNETS = 200

/** Why tests that need hosts of their own cannot run here; false when they can. */
export function noNetworkHosts(): string | false {
  if (process.platform !== 'linux' || !existsSync('/usr/sbin/ip')) return 'not installed: iproute2'
  const name = `hf-try-${process.pid}`
  const bridge = `hft${process.pid % 100_000}`
  const works = run(['netns', 'add', name]) && run(['link', 'add', bridge, 'type', 'bridge'])
  run(['netns', 'del', name])
  run(['link', 'del', bridge])
  return works ? false : 'network namespaces are not permitted here'
}

export class NetworkHosts implements NodeHosts {
  readonly #id: string
  readonly #subnet: string
  readonly #numbers: number[] = []

  private constructor(id: string, subnet: string) {
    this.#id = id
    this.#subnet = subnet
  }

  /** Makes the bridge and `count` hosts. Throws where that is not permitted. */
  static open(count: number): NetworkHosts {
    const random = Math.random()
      .toString(36)
      .slice(2, 2 + NAME_BYTES)
    const subnet = `10.${50 + Math.floor(Math.random() * SUBNETS)}.${process.pid % 250}`
    const hosts = new NetworkHosts(random, subnet)
    try {
      hosts.#must(['link', 'add', hosts.#bridge, 'type', 'bridge'])
      hosts.#must(['addr', 'add', `${subnet}.254/24`, 'dev', hosts.#bridge])
      hosts.#must(['link', 'set', hosts.#bridge, 'up'])
      for (let number = 1; number <= count; number++) hosts.#add(number)
      return hosts
    } catch (error) {
      hosts.close()
      throw error
    }
  }

  host(number: number): string {
    return `${this.#subnet}.${number}`
  }

  launcher(number: number): readonly string[] {
    return ['ip', 'netns', 'exec', this.#namespace(number)]
  }

  /** From now on no packet reaches or leaves the host. */
  cut(number: number): void {
    this.#must(['link', 'set', this.#port(number), 'nomaster'])
  }

  join(number: number): void {
    this.#must(['link', 'set', this.#port(number), 'master', this.#bridge])
  }

  /** Removes everything; safe to call again. */
  close(): void {
    for (const number of this.#numbers) run(['netns', 'del', this.#namespace(number)])
    this.#numbers.length = 0
    run(['link', 'del', this.#bridge])
  }

  #add(number: number): void {
    const namespace = this.#namespace(number)
    const port = this.#port(number)
    this.#must(['netns', 'add', namespace])
    this.#numbers.push(number)
    this.#must(['link', 'add', port, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', namespace])
    this.#must(['link', 'set', port, 'master', this.#bridge])
    this.#must(['link', 'set', port, 'up'])
    const inside = (...args: string[]): void => this.#must(['-n', namespace, ...args])
    inside('addr', 'add', `${this.host(number)}/24`, 'dev', 'eth0')
    inside('link', 'set', 'eth0', 'up')
    inside('link', 'set', 'lo', 'up')
  }

  get #bridge(): string {
    return `hfb-${this.#id}`
  }

  #namespace(number: number): string {
    return `hf-${this.#id}-${number}`
  }

  #port(number: number): string {
    return `hfp-${this.#id}-${number}`
  }

  #must(args: readonly string[]): void {
    const { status, stderr } = spawnSync('ip', args, { encoding: 'utf8' })
    if (status !== 0) throw new Error(`ip ${args.join(' ')}: ${stderr.trim()}`)
  }
}

function run(args: readonly string[]): boolean {
  return spawnSync('ip', args, { stdio: 'ignore' }).status === 0
}
