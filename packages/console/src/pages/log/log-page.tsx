import type { JSX } from 'preact'
import { PageHead } from '../../parts/page-head.tsx'

export function LogPage(): JSX.Element {
  return <PageHead title="Log" />
}
