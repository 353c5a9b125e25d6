import type { JSX } from 'preact'
import { PageHead } from '../../parts/page-head.tsx'

export function OverviewPage(): JSX.Element {
  return <PageHead title="Overview" />
}
