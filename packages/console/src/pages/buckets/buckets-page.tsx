import type { JSX } from 'preact'
import { PageHead } from '../../parts/page-head.tsx'

export function BucketsPage(): JSX.Element {
  return <PageHead title="Buckets" />
}
