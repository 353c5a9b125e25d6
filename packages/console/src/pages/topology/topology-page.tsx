import type { JSX } from 'preact'
import { PageHead } from '../../parts/page-head.tsx'

export function TopologyPage(): JSX.Element {
  return <PageHead title="Topology" />
}
