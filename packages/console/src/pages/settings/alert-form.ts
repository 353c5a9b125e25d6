/** Kinds of alerts in words, and the form of their settings as the REST wants it. Pure. */
import type { FormValues } from '../../parts/form.tsx'

/** Names of the check boxes begin so. */
export const KIND_PREFIX = 'kind-'

export const ALERT_WORDS: Readonly<Record<string, string>> = {
  auto_failover_node: 'A node was failed over automatically',
  auto_failover_maximum_reached: 'No failover: as many as allowed have happened',
  auto_failover_other_nodes_down: 'No failover: too many nodes are down',
  auto_failover_cluster_too_small: 'No failover: no majority is left',
  auto_failover_no_copy: 'No failover: no copy that has everything',
  auto_failover_disabled: 'No failover: it is switched off',
  ip: 'The address of a node is gone',
  disk: 'A disk is more than 90 % full',
  memory: 'Engines take more memory than their quota',
  ep_oom_errors: 'A bucket is full and refuses writes',
  write_failed: 'An engine cannot write to its disk',
  engine: 'An engine cannot start or does not answer',
  degraded: 'A bucket has fewer copies than it should have',
  unavailable: 'A part of a bucket has no copy that serves',
  clock_skew: 'Clocks of members differ',
}

/** The check boxes become one list; a password that was not typed stays as it is. */
export function alertForm(values: FormValues): FormValues {
  const form: FormValues = {}
  const kinds: string[] = []
  for (const [name, value] of Object.entries(values)) {
    if (!name.startsWith(KIND_PREFIX)) form[name] = value
    else if (value === 'true') kinds.push(name.slice(KIND_PREFIX.length))
  }
  if (form.emailPass === '') delete form.emailPass
  form.alerts = kinds.join(',')
  return form
}
