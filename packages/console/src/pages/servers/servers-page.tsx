import type { JSX } from 'preact'
import { PageHead } from '../../parts/page-head.tsx'

export function ServersPage(): JSX.Element {
  return <PageHead title="Servers" />
}
