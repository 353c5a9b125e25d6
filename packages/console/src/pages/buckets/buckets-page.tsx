import type { JSX } from 'preact'
import { route } from '../../router.ts'
import { BucketList } from './bucket-list.tsx'
import { BucketPage } from './bucket-page.tsx'
import './buckets.css'

/** All buckets, or the one that the address names. */
export function BucketsPage(): JSX.Element {
  const { name } = route.value
  return name === null ? <BucketList /> : <BucketPage key={name} name={name} />
}
