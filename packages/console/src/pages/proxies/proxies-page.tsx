import type { JSX } from 'preact'
import { PageHead } from '../../parts/page-head.tsx'

export function ProxiesPage(): JSX.Element {
  return <PageHead title="Proxies" />
}
