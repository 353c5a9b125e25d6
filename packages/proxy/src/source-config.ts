/**
 * From a URL list, as moxi's command line has it, to the part of a configuration that follows it:
 * a backend and its bucket, or a gateway. Which of them, and the bucket's name, the path says.
 */

import { ArgumentError } from './argument-error.ts'

/** What a URL list leads to, as the configuration file would say it. */
export interface SourceDraft {
  backends: Record<string, object>
  buckets: Record<string, object>
  gateways: object[]
}

/** How a source is used. */
export interface SourceChoice {
  credentials: { username: string; password: string } | undefined
  /** moxi's `default_bucket_name`; undefined when it was not set. */
  defaultBucket: string | undefined
}

/** moxi's own default: the bucket that opened the listener. */
const FIRST_BUCKET = '[ <FIRST_BUCKET> ]'
const EMBEDDED_PREFIX = 'embedded:'

/** What these URLs lead to: config servers, `valkey://...` or `embedded:DIR`. */
export function draftOfUrls(urls: readonly string[], choice: SourceChoice): SourceDraft {
  const [first = ''] = urls
  const { credentials } = choice
  if (first.startsWith(EMBEDDED_PREFIX)) {
    return single('default', { type: 'embedded', folder: first.slice(EMBEDDED_PREFIX.length) })
  }
  if (/^(valkey|redis)s?:/.test(first)) return single('default', { type: 'valkey', url: first })
  if (isGateway(first)) {
    const { defaultBucket = 'default' } = choice
    const isFirst = defaultBucket === FIRST_BUCKET
    return {
      backends: {},
      buckets: {},
      gateways: [{ urls, ...credentials, first: isFirst, ...(isFirst ? {} : { defaultBucket }) }],
    }
  }
  return single(bucketNameOf(first), { type: 'store', urls, ...credentials })
}

function single(name: string, backend: object): SourceDraft {
  return { backends: { [name]: backend }, buckets: { [name]: { use: name } }, gateways: [] }
}

function isGateway(url: string): boolean {
  return /\/saslBucketsStreaming\/?$/.test(URL.parse(url)?.pathname ?? '')
}

/** The last part of `/pools/default/bucketsStreaming/NAME` or `/pools/default/buckets/NAME`. */
function bucketNameOf(url: string): string {
  const path = URL.parse(url)?.pathname ?? ''
  const name = /\/(?:buckets|bucketsStreaming|b|bs)\/([^/]+)\/?$/.exec(path)?.[1]
  if (name === undefined) return 'default'
  try {
    return decodeURIComponent(name)
  } catch {
    throw new ArgumentError(`ERROR: the bucket name ${name} is badly percent-encoded`)
  }
}
