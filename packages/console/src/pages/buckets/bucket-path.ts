/** The path of a bucket in the REST. */
export function pathOf(name: string): string {
  return `/pools/default/buckets/${encodeURIComponent(name)}`
}
