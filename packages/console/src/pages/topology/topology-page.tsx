/**
 * The picture of the whole: applications, proxies, servers, and where each copy of each shard is.
 * It lives: a failover is seen as it happens, and told in words.
 */
import type { JSX } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { HEALTH } from '../../health-words.ts'
import { ApiLink } from '../../parts/api-link.tsx'
import { Badge } from '../../parts/badge.tsx'
import { Card } from '../../parts/card.tsx'
import { Moment } from '../../parts/moment.tsx'
import { PageHead } from '../../parts/page-head.tsx'
import { Shown } from '../../parts/watched.tsx'
import { useWatch } from '../../rest/live.ts'
import type { Proxies, Topology } from '../../rest/types.ts'
import { changesBetween } from './changes.ts'
import { PictureView } from './picture.tsx'
import { type Picture, pictureOf, rowInWords } from './picture-model.ts'
import './topology.css'

const CHANGES_MAX = 60

interface Change {
  id: number
  timeMs: number
  text: string
}

export function TopologyPage(): JSX.Element {
  const topology = useWatch<Topology>('/pools/default/topology')
  const proxies = useWatch<Proxies>('/proxies')
  const changes = useChanges(topology.value.body)
  return (
    <>
      <PageHead
        title="Topology"
        actions={
          <>
            <ApiLink path="/pools/default/topology" of="servers and copies" />
            <ApiLink path="/proxies" of="proxies" />
          </>
        }
      />
      <div class="stack">
        <Card>
          <Legend />
          <Shown of={topology} heightRem={34}>
            {(body) => {
              const picture = pictureOf(body, proxies.value.body)
              return <PictureView picture={picture} label={summary(picture, body)} />
            }}
          </Shown>
        </Card>
        <Card title="What has happened while this page was open">
          <ChangeList changes={changes} />
        </Card>
        <Card title="The picture in words">
          <Shown of={topology} heightRem={12}>
            {(body) => <InWords picture={pictureOf(body, proxies.value.body)} />}
          </Shown>
        </Card>
      </div>
    </>
  )
}

function useChanges(topology: Topology | null): Change[] {
  const [changes, setChanges] = useState<Change[]>([])
  const before = useRef<Topology | null>(null)
  const lastId = useRef(0)
  useEffect(() => {
    const old = before.current
    before.current = topology
    if (!old || !topology || old === topology) return
    const fresh = changesBetween(old, topology).map((text) => {
      return { id: ++lastId.current, timeMs: Date.now(), text }
    })
    if (fresh.length === 0) return
    setChanges((list) => [...fresh.reverse(), ...list].slice(0, CHANGES_MAX))
  }, [topology])
  return changes
}

function ChangeList({ changes }: { changes: readonly Change[] }): JSX.Element {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keys
    <div class="changes" role="log" aria-live="polite" aria-label="Changes" tabIndex={0}>
      {changes.length === 0 ? (
        <p class="quiet">
          Nothing yet. Copies that move, servers that fail or come back appear here.
        </p>
      ) : (
        <ol>
          {changes.map(({ id, timeMs, text }) => (
            <li key={id}>
              <span class="quiet small">
                <Moment timeMs={timeMs} short />
              </span>{' '}
              {text}
            </li>
          ))}
        </ol>
      )}
    </div>
  )
}

function Legend(): JSX.Element {
  return (
    <p class="small picture-legend">
      <span class="swatch primary">primary</span>
      <span class="swatch replica">replica</span>
      <span class="swatch syncing">being copied</span>
      <span class="swatch stopped">no answer</span>
      <span class="quiet">Each box with a number is a shard.</span>
    </p>
  )
}

function InWords({ picture }: { picture: Picture }): JSX.Element {
  return (
    <ul class="in-words">
      {picture.nodes.map((node) => (
        <li key={node.id}>
          <h3 class="row">
            {node.name} <Badge tone={node.tone}>{node.detail}</Badge>
          </h3>
          <ul>
            {node.rows.map((row) => (
              <li key={row.bucket}>
                <span class="quiet">{row.bucket}:</span> {rowInWords(row)}
              </li>
            ))}
          </ul>
        </li>
      ))}
    </ul>
  )
}

function summary({ apps, proxies, nodes }: Picture, { health }: Topology): string {
  const up = nodes.filter((node) => node.isUp).length
  return (
    `Picture: ${apps.length} groups of applications use ${proxies.length} proxies, ` +
    `which use ${nodes.length} servers, ${up} of them up. ` +
    `The cluster is ${HEALTH[health.word].word.toLowerCase()}.`
  )
}
