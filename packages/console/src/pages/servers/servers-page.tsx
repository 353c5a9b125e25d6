/**
 * The servers: what is wrong with them and what to do, what the next rebalance changes, and all
 * that can be done with each. Owns which dialog is open; figures come from the watched paths.
 */
import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import { ApiLink } from '../../parts/api-link.tsx'
import { Button } from '../../parts/button.tsx'
import { Card } from '../../parts/card.tsx'
import { Note } from '../../parts/note.tsx'
import { PageHead } from '../../parts/page-head.tsx'
import { Shown } from '../../parts/watched.tsx'
import { useWatch } from '../../rest/live.ts'
import type {
  Alerts,
  AutoFailover,
  Pool,
  RebalanceProgress,
  ServerGroups,
  Topology,
} from '../../rest/types.ts'
import { mayChange } from '../../rest/who.ts'
import { AddDialog, CancelAddDialog } from './add-dialog.tsx'
import type { Ask, OnAsk } from './ask.ts'
import { AUTO_FAILOVER, AutoFailoverCard } from './auto-failover-card.tsx'
import { FailOverDialog, RemoveDialog } from './fail-over-dialog.tsx'
import { GroupNameDialog, MoveGroupsDialog } from './group-dialogs.tsx'
import { GROUPS, GroupsCard } from './groups-card.tsx'
import { marks } from './marks.ts'
import { RebalanceCard } from './rebalance-card.tsx'
import { RebalanceDialog } from './rebalance-dialog.tsx'
import { BucketOps, OPS_BUCKETS_MAX } from './server-ops.tsx'
import { rowsOf, type ServerRow } from './server-row.ts'
import { ServersTable } from './servers-table.tsx'
import { situationsOf } from './situation.ts'
import { SituationCards } from './situation-cards.tsx'
import './servers.css'

const POOL = '/pools/default'

export function ServersPage(): JSX.Element {
  const [ask, setAsk] = useState<Ask | null>(null)
  const topology = useWatch<Topology>('/pools/default/topology')
  const pool = useWatch<Pool>(POOL)
  const groups = useWatch<ServerGroups>(GROUPS)
  const autoFailover = useWatch<AutoFailover>(AUTO_FAILOVER)
  const alerts = useWatch<Alerts>('/alerts?limit=1').value.body
  const progress = useWatch<RebalanceProgress>('/pools/default/rebalanceProgress').value.body
  const { body } = topology.value
  const rows = body ? rowsOf(body, pool.value.body, marks.value) : []
  const facts = { autoFailover: autoFailover.value.body, alerts: alerts?.current ?? [] }
  return (
    <>
      <PageHead
        title="Servers"
        actions={
          mayChange() ? (
            <Button kind="primary" icon="plus" onPress={() => setAsk({ kind: 'add' })}>
              Add a server
            </Button>
          ) : null
        }
      />
      <SituationCards
        situations={body ? situationsOf({ topology: body, ...facts }) : []}
        rows={rows}
        onAsk={setAsk}
      />
      <div class="stack">
        {mayChange() ? null : (
          <Note>You may look at everything here; changes are for the admin.</Note>
        )}
        <Shown of={pool} heightRem={9}>
          {(answer) => (
            <RebalanceCard rows={rows} pool={answer} progress={progress} onAsk={setAsk} />
          )}
        </Shown>
        <Shown of={topology} heightRem={22}>
          {(answer) => <ServersCard topology={answer} rows={rows} onAsk={setAsk} />}
        </Shown>
        <div class="columns server-columns">
          <Shown of={autoFailover} heightRem={13}>
            {(settings) => <AutoFailoverCard settings={settings} />}
          </Shown>
          <Shown of={groups} heightRem={13}>
            {(answer) => <GroupsCard groups={answer.groups} onAsk={setAsk} />}
          </Shown>
        </div>
      </div>
      {ask ? (
        <AskDialog ask={ask} rows={rows} groups={groups.value.body} onClose={() => setAsk(null)} />
      ) : null}
    </>
  )
}

function ServersCard(props: {
  topology: Topology
  rows: readonly ServerRow[]
  onAsk: OnAsk
}): JSX.Element {
  const { topology, rows, onAsk } = props
  const buckets = topology.buckets.map(({ name }) => name)
  const hasOps = buckets.length <= OPS_BUCKETS_MAX
  const up = rows.filter((row) => row.status !== 'unhealthy').length
  return (
    <Card
      title={`${up} of ${rows.length} up`}
      actions={<ApiLink path={POOL} of="servers with their load" />}
    >
      {hasOps ? buckets.map((name) => <BucketOps key={name} bucket={name} />) : null}
      <ServersTable rows={rows} hasOps={hasOps} onAsk={onAsk} />
    </Card>
  )
}

function AskDialog(props: {
  ask: Ask
  rows: readonly ServerRow[]
  groups: ServerGroups | null
  onClose: () => void
}): JSX.Element {
  const { ask, rows, groups, onClose } = props
  switch (ask.kind) {
    case 'add':
      return <AddDialog groups={groups} onClose={onClose} />
    case 'rebalance':
      return <RebalanceDialog rows={rows} onClose={onClose} />
    case 'failOver':
      return <FailOverDialog row={ask.row} onClose={onClose} />
    case 'remove':
      return <RemoveDialog row={ask.row} onClose={onClose} />
    case 'cancelAdd':
      return <CancelAddDialog row={ask.row} onClose={onClose} />
    case 'newGroup':
      return <GroupNameDialog onClose={onClose} />
    case 'renameGroup':
      return <GroupNameDialog old={ask.name} onClose={onClose} />
    case 'moveGroups':
      return <MoveGroupsDialog groups={groups?.groups ?? []} rows={rows} onClose={onClose} />
  }
}
