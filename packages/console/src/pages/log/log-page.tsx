/**
 * What happened, newest first: alerts that last on top, with what to do about them, then the events
 * of all members. The filters narrow what is shown and are kept while the page is open.
 */
import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import { ApiLink } from '../../parts/api-link.tsx'
import { Badge } from '../../parts/badge.tsx'
import { Card } from '../../parts/card.tsx'
import { SelectField } from '../../parts/field.tsx'
import { Moment } from '../../parts/moment.tsx'
import { Empty, Note } from '../../parts/note.tsx'
import { PageHead } from '../../parts/page-head.tsx'
import { type Column, Table } from '../../parts/table.tsx'
import { Choice } from '../../parts/tabs.tsx'
import type { Tone } from '../../parts/tone.ts'
import { Shown } from '../../parts/watched.tsx'
import { useWatch } from '../../rest/live.ts'
import type { Alerts, LogEntry, Logs } from '../../rest/types.ts'
import { adviceOn } from './alert-advice.ts'
import { ALL, filtered, type LogFilter, nodesOf } from './log-filter.ts'
import './log.css'

const LOG_PATH = '/logs?limit=500'
const ALERTS_PATH = '/alerts?limit=1'

const WEIGHTS: Record<LogEntry['type'], { word: string; tone: Tone }> = {
  info: { word: 'Info', tone: 'plain' },
  warning: { word: 'Warning', tone: 'warning' },
  critical: { word: 'Critical', tone: 'bad' },
}

export function LogPage(): JSX.Element {
  const logs = useWatch<Logs>(LOG_PATH)
  const alerts = useWatch<Alerts>(ALERTS_PATH)
  return (
    <>
      <PageHead title="Log and alerts" />
      <div class="stack">
        <Card title="Alerts" actions={<ApiLink path={ALERTS_PATH} of="alerts" />}>
          <Shown of={alerts} heightRem={4}>
            {({ current }) => <CurrentAlerts alerts={current} />}
          </Shown>
        </Card>
        <Card title="Events" actions={<ApiLink path={LOG_PATH} of="events" />}>
          <Shown of={logs} heightRem={28}>
            {(body) => <Events logs={body} />}
          </Shown>
        </Card>
      </div>
    </>
  )
}

function CurrentAlerts({ alerts }: { alerts: Alerts['current'] }): JSX.Element {
  if (alerts.length === 0) {
    return (
      <p>
        <Badge tone="good">No alert</Badge>
      </p>
    )
  }
  return (
    <div class="stack tight">
      {alerts.map(({ key, text }) => (
        <Note key={`${key} ${text}`} tone="bad" urgent>
          <p>{text}</p>
          <p class="quiet">{adviceOn(key)}</p>
        </Note>
      ))}
    </div>
  )
}

function Events({ logs }: { logs: Logs }): JSX.Element {
  const [filter, setFilter] = useState<LogFilter>({ weight: ALL, node: ALL })
  const shown = filtered(logs.list, filter)
  return (
    <div class="stack">
      {logs.nodesMissing && logs.nodesMissing.length > 0 ? (
        <Note tone="warning">
          Not heard: {logs.nodesMissing.join(', ')}. What only they have seen is not in this list.
        </Note>
      ) : null}
      <div class="log-filter">
        <Choice
          label="Events shown"
          options={[
            [ALL, 'All'],
            ['warning', 'Warnings and worse'],
            ['critical', 'Critical'],
          ]}
          value={filter.weight}
          onChange={(weight) => setFilter({ ...filter, weight })}
        />
        <SelectField
          name="node"
          label="Node"
          value={filter.node}
          options={[[ALL, 'All nodes'], ...nodesOf(logs.list).map((n) => [n, n] as const)]}
          onChange={(node) => setFilter({ ...filter, node })}
        />
      </div>
      {shown.length === 0 ? (
        <Empty icon="log" title="No event matches">
          Choose other filters to see more.
        </Empty>
      ) : (
        <Table
          caption="Events, newest first"
          columns={COLUMNS}
          rows={shown}
          keyOf={(e) => `${e.tstamp} ${e.node} ${e.module} ${e.code} ${e.text}`}
        />
      )}
    </div>
  )
}

const COLUMNS: readonly Column<LogEntry>[] = [
  { name: 'Time', cell: ({ tstamp }) => <Moment timeMs={tstamp} /> },
  {
    name: 'Weight',
    cell: ({ type }) => <Badge tone={WEIGHTS[type].tone}>{WEIGHTS[type].word}</Badge>,
  },
  {
    name: 'Event',
    heads: true,
    cell: ({ text, shortText, module, code }) => (
      <>
        <div class="log-text">{text}</div>
        <div class="quiet small">
          {shortText}, {module} {code}
        </div>
      </>
    ),
  },
  { name: 'Node', cell: ({ node }) => node },
]
