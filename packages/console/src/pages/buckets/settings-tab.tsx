import type { JSX } from 'preact'
import { ApiLink } from '../../parts/api-link.tsx'
import { Card } from '../../parts/card.tsx'
import { Terms } from '../../parts/figure.tsx'
import { bytes, counted } from '../../parts/units.ts'
import type { Bucket } from '../../rest/types.ts'
import { settingsOf } from './setting-words.ts'

/** How a bucket is set, and how applications reach it. */
export function SettingsTab({ bucket, path }: { bucket: Bucket; path: string }): JSX.Element {
  const { quota, nodes } = bucket
  const memory = `${bytes(quota.rawRAM)} on each of ${counted(nodes.length, 'server')}`
  return (
    <div class="columns bucket-settings">
      <Card title="Settings" actions={<ApiLink path={path} of="settings" />}>
        <Terms list={[['Memory', memory], ...settingsOf(bucket)]} />
      </Card>
      <Card title="How applications reach it">
        <div class="stack tight">
          <p>With a proxy on each application host, which follows failovers by itself:</p>
          <pre class="api-line">{`holdfast proxy ${location.origin}${streamOf(bucket)}`}</pre>
          <p>With any memcached client, by the gateway of any server:</p>
          <pre class="api-line">{gatewaysOf(bucket).join('\n')}</pre>
        </div>
      </Card>
    </div>
  )
}

function streamOf({ name }: Bucket): string {
  return `/pools/default/bucketsStreaming/${encodeURIComponent(name)}`
}

function gatewaysOf({ nodes, authType, proxyPort }: Bucket): string[] {
  const all = nodes.map(({ hostname, ports }) => {
    const host = hostname.slice(0, hostname.lastIndexOf(':'))
    return `${host}:${authType === 'none' ? proxyPort : ports.proxy}`
  })
  return [...new Set(all)]
}
