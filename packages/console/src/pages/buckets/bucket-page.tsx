/**
 * One bucket: its figures, charts, what each server holds of it, its shards copy by copy, and its
 * settings. Here it is changed, flushed and deleted. What a tab shows is watched while it is open.
 */
import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import { ApiLink } from '../../parts/api-link.tsx'
import { Badge } from '../../parts/badge.tsx'
import { Button, ButtonLink } from '../../parts/button.tsx'
import { Card } from '../../parts/card.tsx'
import { Figure, Figures } from '../../parts/figure.tsx'
import { Meter } from '../../parts/meter.tsx'
import { Empty, Note } from '../../parts/note.tsx'
import { PageHead } from '../../parts/page-head.tsx'
import { Tabs } from '../../parts/tabs.tsx'
import { bytes, count, percent } from '../../parts/units.ts'
import { Shown } from '../../parts/watched.tsx'
import { useWatch } from '../../rest/live.ts'
import type { Bucket, Topology } from '../../rest/types.ts'
import { mayChange } from '../../rest/who.ts'
import { href, route, setQuery } from '../../router.ts'
import { stateOf, troubleSentences } from './bucket-copies.ts'
import { pathOf } from './bucket-path.ts'
import { ChartsTab } from './charts-tab.tsx'
import { EditBucket } from './edit-bucket.tsx'
import { DeleteBucket, FlushBucket } from './loss-dialogs.tsx'
import { ServersTab } from './servers-tab.tsx'
import { SettingsTab } from './settings-tab.tsx'
import { ShardsTab } from './shards-tab.tsx'

type Asked = 'edit' | 'flush' | 'delete'

/** In the address, in the order of the tabs. */
const TAB_WORDS: readonly string[] = ['charts', 'servers', 'shards', 'settings']

function showTab(index: number): void {
  const { tab: _, ...others } = route.peek().query
  const word = TAB_WORDS[index]
  setQuery(word && index > 0 ? { ...others, tab: word } : others)
}

export function BucketPage({ name }: { name: string }): JSX.Element {
  const path = pathOf(name)
  const bucket = useWatch<Bucket>(path)
  const topology = useWatch<Topology>('/pools/default/topology').value.body
  const [asked, ask] = useState<Asked | null>(null)
  const { body, error } = bucket.value
  if (body === null && error?.status === 404) return <NoBucket name={name} />
  const close = (): void => ask(null)
  return (
    <>
      <PageHead
        title={name}
        actions={
          <>
            <ButtonLink href={href('buckets')} kind="quiet" icon="back">
              All buckets
            </ButtonLink>
            {body && mayChange() ? <Actions onAsk={ask} /> : null}
          </>
        }
      >
        <State name={name} topology={topology} />
        <ApiLink path={path} of={`bucket ${name}`} />
      </PageHead>
      <Shown of={bucket} heightRem={36}>
        {(shown) => (
          <div class="stack">
            <Reasons bucket={shown} topology={topology} />
            <BucketFigures bucket={shown} />
            <Tabs
              label={`Bucket ${name}`}
              current={Math.max(0, TAB_WORDS.indexOf(route.value.query.tab ?? ''))}
              onChange={showTab}
              tabs={[
                { name: 'Charts', content: () => <ChartsTab path={path} bucket={shown} /> },
                { name: 'Servers', content: () => <ServersTab path={path} name={name} /> },
                { name: 'Shards', content: () => <ShardsTab name={name} /> },
                { name: 'Settings', content: () => <SettingsTab bucket={shown} path={path} /> },
              ]}
            />
          </div>
        )}
      </Shown>
      {body && asked === 'edit' ? <EditBucket bucket={body} onClose={close} /> : null}
      {body && asked === 'flush' ? <FlushBucket bucket={body} onClose={close} /> : null}
      {body && asked === 'delete' ? <DeleteBucket bucket={body} onClose={close} /> : null}
    </>
  )
}

function Actions({ onAsk }: { onAsk: (asked: Asked) => void }): JSX.Element {
  return (
    <>
      <Button onPress={() => onAsk('edit')}>Edit</Button>
      <Button kind="danger" onPress={() => onAsk('flush')}>
        Flush
      </Button>
      <Button kind="danger" onPress={() => onAsk('delete')}>
        Delete
      </Button>
    </>
  )
}

function State(props: { name: string; topology: Topology | null }): JSX.Element | null {
  const { name, topology } = props
  const found = topology?.buckets.find((one) => one.name === name)
  if (!topology || !found) return null
  const { word, tone } = stateOf(found, topology.nodes)
  return <Badge tone={tone}>{word}</Badge>
}

function NoBucket({ name }: { name: string }): JSX.Element {
  return (
    <>
      <PageHead title={name} />
      <Card>
        <Empty
          icon="bucket"
          title="There is no bucket of this name"
          action={<ButtonLink href={href('buckets')}>All buckets</ButtonLink>}
        >
          It was deleted, or the address is not right.
        </Empty>
      </Card>
    </>
  )
}

function Reasons(props: { bucket: Bucket; topology: Topology | null }): JSX.Element | null {
  const { bucket, topology } = props
  const found = topology?.buckets.find(({ name }) => name === bucket.name)
  const state = topology && found ? stateOf(found, topology.nodes) : null
  const troubles = troubleSentences(bucket.troubles)
  if (!state?.reason && troubles.length === 0) return null
  return (
    <Note tone={troubles.length > 0 ? 'bad' : (state?.tone ?? 'warning')}>
      {state?.reason ? <p>{state.reason}</p> : null}
      {troubles.map((text) => (
        <p key={text}>{text}</p>
      ))}
      <a href={href('servers')}>See the servers</a>
    </Note>
  )
}

function BucketFigures({ bucket }: { bucket: Bucket }): JSX.Element {
  const { basicStats, quota } = bucket
  const { itemCount, opsPerSec, hitRatio, memUsed, diskUsed } = basicStats
  return (
    <Card class="bucket-figures">
      <Figures>
        <Figure name="Items" value={count(itemCount)} />
        <Figure name="Operations per second" value={count(opsPerSec)} />
        <Figure name="Hit rate" value={percent(hitRatio / 100)} />
        <Figure
          name="On disk"
          value={bucket.persistence === 'none' ? 'nothing' : bytes(diskUsed)}
        />
      </Figures>
      <Meter
        name="Memory"
        value={memUsed}
        max={quota.ram}
        text={`${bytes(memUsed)} of ${bytes(quota.ram)}`}
      />
    </Card>
  )
}
