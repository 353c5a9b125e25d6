// Builds the demo's processes: three store nodes, two app servers each with its own local proxy,
// the load balancer; or, on a machine without an engine, one proxy with the embedded store. Prefers
// the ports that the documentation names and says when it had to take others.
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { LocalApps } from '../picture/local-apps.ts'
import { addressOf, LocalStore, STORE_PASSWORD, STORE_USER } from '../picture/local-store.ts'
import { PortPlan } from '../picture/ports.ts'
import type { Programs } from '../picture/programs.ts'

const NODES = [
  { rest: 8091, gateway: 11211, data: 11210, enginesFrom: 12000 },
  { rest: 8092, gateway: 11221, data: 11220, enginesFrom: 12100 },
  { rest: 8093, gateway: 11231, data: 11230, enginesFrom: 12200 },
]
const ENGINE_PORTS_PER_NODE = 100
const PROXY_PORTS = [11311, 11321]
const APP_PORTS = [3001, 3002]
const BALANCER_PORT = 8080
const COPIES_TIMEOUT_MS = 60_000

export interface DemoPicture {
  /** Undefined when there is no engine on this machine. */
  readonly store: LocalStore | undefined
  readonly apps: LocalApps
}

export interface DemoSurroundings {
  readonly programs: Programs
  readonly embedded: boolean
  readonly folder: string
  readonly say: (text: string) => void
  /** Called after each process that was started. */
  readonly onStarted: (picture: DemoPicture) => void
  /** Aborted when the demo is to stop: then no further process is started. */
  readonly signal: AbortSignal
}

/** Starts everything on fresh data. What was started is known through `onStarted` even if it fails. */
export async function startPicture(surroundings: DemoSurroundings): Promise<DemoPicture> {
  const { programs, embedded, folder, say, onStarted } = surroundings
  for (const part of ['store', 'apps', 'embedded']) {
    rmSync(join(folder, part), { recursive: true, force: true })
  }
  mkdirSync(join(folder, 'store'), { recursive: true })
  const ports = new PortPlan()
  const store =
    embedded || programs.engine === undefined
      ? undefined
      : new LocalStore(programs, join(folder, 'store'), ports)
  const apps = new LocalApps(programs, join(folder, 'apps'), ports, {
    sticky: true,
    asyncBackup: false,
  })
  const picture = { store, apps }
  onStarted(picture)
  if (store !== undefined) await startNodes(picture, store, surroundings)
  else {
    if (!embedded) say('there is no valkey-server or redis-server on this machine')
    say('one proxy with the embedded store serves, there are no store nodes')
  }
  // Side by side, because a proxy waits for its first map anyway; both to their end, so that what
  // one has started is known when the other fails.
  const results = await Promise.allSettled([
    store === undefined ? undefined : formCluster(store, surroundings),
    startApps(picture, surroundings),
  ])
  for (const result of results) if (result.status === 'rejected') throw result.reason
  return picture
}

async function startNodes(
  picture: DemoPicture,
  store: LocalStore,
  { say, onStarted, signal }: DemoSurroundings,
): Promise<void> {
  for (const [index, preferred] of NODES.entries()) {
    signal.throwIfAborted()
    say(`starting store node ${index + 1} of ${NODES.length}`)
    const node = await store.addNode({ enginePorts: ENGINE_PORTS_PER_NODE, preferred })
    onStarted(picture)
    tellOtherPort(say, preferred.rest, node.ports.rest)
    tellOtherPort(say, preferred.gateway, node.ports.gateway)
    tellOtherPort(say, preferred.data, node.ports.data)
    tellOtherPort(say, preferred.enginesFrom, node.ports.engines.from)
  }
  signal.throwIfAborted()
}

async function formCluster(store: LocalStore, { say }: DemoSurroundings): Promise<void> {
  say('making them one cluster: cluster-init, server-add, rebalance')
  await store.form()
  await store.untilFullCopies(COPIES_TIMEOUT_MS)
}

async function startApps(
  picture: DemoPicture,
  { programs, folder, say, onStarted, signal }: DemoSurroundings,
): Promise<void> {
  const { store, apps } = picture
  const targets = store === undefined ? [`embedded:${join(folder, 'embedded')}`] : PROXY_PORTS
  for (const [index] of targets.entries()) {
    signal.throwIfAborted()
    const target = store?.streamUrls() ?? targets[0]
    const preferred = PROXY_PORTS[index] ?? 0
    tellOtherPort(say, preferred, (await apps.addProxy(String(target), preferred)).port)
    onStarted(picture)
  }
  for (const [index, preferred] of APP_PORTS.entries()) {
    signal.throwIfAborted()
    const proxy = apps.proxies[index] ?? apps.proxies[0]
    tellOtherPort(say, preferred, (await apps.addApp(proxy?.port ?? 0, preferred)).port)
    onStarted(picture)
  }
  signal.throwIfAborted()
  if (programs.balancer === undefined) {
    say('haproxy is not installed: use the app servers directly')
    return
  }
  tellOtherPort(say, BALANCER_PORT, await apps.addBalancer(BALANCER_PORT))
  onStarted(picture)
}

function tellOtherPort(say: (text: string) => void, preferred: number, taken: number): void {
  if (preferred !== taken) say(`port ${preferred} is busy: ${taken} is used`)
}

/** Where everything is, for people. */
export function describePicture({ store, apps }: DemoPicture): string {
  const nodes = store?.nodes.map(
    (node) =>
      `  store node ${node.number}   console http://${addressOf(node)}/   ` +
      `gateway 127.0.0.1:${node.ports.gateway}`,
  )
  const appLines = apps.apps.map(
    ({ route, port, proxyPort }) =>
      `  ${route}           http://127.0.0.1:${port}   proxy ${proxyPort}`,
  )
  const proxies = apps.proxies.map(
    ({ number, port, httpPort }) =>
      `  local proxy ${number}  127.0.0.1:${port}   health http://127.0.0.1:${httpPort}/health   ` +
      `metrics http://127.0.0.1:${httpPort}/metrics`,
  )
  return [
    `  the app        http://127.0.0.1:${apps.entryPort}/`,
    ...appLines,
    ...proxies,
    ...(nodes ?? []),
    ...(nodes === undefined ? [] : [`  console login  ${STORE_USER} / ${STORE_PASSWORD}`]),
  ].join('\n')
}
