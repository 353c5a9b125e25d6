import type { JSX } from 'preact'
import { PageHead } from '../../parts/page-head.tsx'

export function SessionsPage(): JSX.Element {
  return <PageHead title="Sessions" />
}
