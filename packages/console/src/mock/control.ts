/**
 * Words that steer the mock, by `POST /mock/control` or in a test: `kill`, `heal` and `remove` with
 * `node`, `rebalance`, `expire` (all logins), `tls`, `tick` with `count`.
 */
import type { MockApi } from './mock-api.ts'

const TICKS_MAX = 1000

export function control(api: MockApi, words: Readonly<Record<string, unknown>>): object {
  const { cluster, logins } = api
  const { action, node: name, count } = words
  const { nodes } = cluster.state
  const node = nodes.find((n) => n.otpNode === name || n.hostname === name || n.id === Number(name))
  if (action === 'kill' && node) cluster.kill(node)
  if (action === 'heal' && node) cluster.heal(node)
  if (action === 'rebalance') cluster.startRebalance([])
  if (action === 'expire') logins.expireAll()
  if (action === 'tls') cluster.state.tls = true
  if (action === 'tick') {
    for (let n = 0; n < Math.min(Number(count ?? 1), TICKS_MAX); n++) cluster.tick()
  }
  return {
    health: cluster.health(),
    nodes: nodes.map(({ otpNode, isAlive }) => ({ otpNode, isAlive })),
  }
}
