/** What to do about an alert, by its kind. Pure. */

const ADVICE: Readonly<Record<string, string>> = {
  auto_failover_node: 'Nothing to do now: bring the node back, or remove it and rebalance.',
  auto_failover_maximum_reached:
    'Fail the node over by hand on Servers, or reset the count in Settings.',
  auto_failover_other_nodes_down:
    'Several nodes are away at once: look at the network first, then bring them back.',
  auto_failover_cluster_too_small:
    'No majority is left to decide: if the others are dead for sure, fail them over on Servers.',
  auto_failover_no_copy:
    'Bring the node back: it has what no other copy has. A failover by hand loses it.',
  auto_failover_disabled: 'Fail the node over by hand on Servers, or switch it on in Settings.',
  ip: 'Give the machine its address back, or add the node anew under its new one.',
  disk: 'Make room on that disk; a full one stops the writes of its engines.',
  memory: 'Give the buckets a larger quota, or add a node and rebalance.',
  ep_oom_errors: 'Give the bucket a larger quota, add a node, or let items expire.',
  write_failed: 'Make room on the disk of that node; the engine goes on by itself then.',
  engine: 'The log of the engine on that node says why; another copy serves meanwhile.',
  degraded: 'Bring missing nodes back or add one, then rebalance.',
  unavailable: 'Bring a node with a copy back; nothing else has this data.',
  clock_skew: 'Let NTP set the clocks: expiry and statistics go by them.',
}

export function adviceOn(key: string): string {
  return ADVICE[key] ?? 'See the events below.'
}
