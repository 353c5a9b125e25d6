/** Server groups: racks or zones that fail together, so copies are kept in different ones. */
import type { JSX } from 'preact'
import { ApiLink } from '../../parts/api-link.tsx'
import { attempted } from '../../parts/attempt.ts'
import { Button } from '../../parts/button.tsx'
import { Card } from '../../parts/card.tsx'
import { toast } from '../../parts/toast.tsx'
import { counted } from '../../parts/units.ts'
import { send } from '../../rest/request.ts'
import type { ServerGroups } from '../../rest/types.ts'
import { mayChange } from '../../rest/who.ts'
import type { OnAsk } from './ask.ts'

export const GROUPS = '/pools/default/serverGroups'

type Group = ServerGroups['groups'][number]

export function GroupsCard(props: { groups: readonly Group[]; onAsk: OnAsk }): JSX.Element {
  const { groups, onAsk } = props
  return (
    <Card title="Server groups" actions={<ApiLink path={GROUPS} of="server groups" />}>
      <div class="stack">
        <p class="quiet">
          {groups.length > 1
            ? 'Copies of a shard are kept in different groups, as far as groups have servers.'
            : 'Servers that fail together (a rack, a zone) belong in a group: copies are then kept in different ones.'}
        </p>
        <ul class="groups">
          {groups.map((group) => (
            <li key={group.name}>
              <OneGroup group={group} isOnly={groups.length === 1} onAsk={onAsk} />
            </li>
          ))}
        </ul>
        {mayChange() ? (
          <div class="row">
            <Button icon="plus" onPress={() => onAsk({ kind: 'newGroup' })}>
              New group
            </Button>
            {groups.length > 1 ? (
              <Button onPress={() => onAsk({ kind: 'moveGroups' })}>Move servers</Button>
            ) : null}
          </div>
        ) : null}
      </div>
    </Card>
  )
}

function OneGroup(props: { group: Group; isOnly: boolean; onAsk: OnAsk }): JSX.Element {
  const { name, nodes } = props.group
  return (
    <div class="group">
      <div>
        <h3>{name}</h3>
        <p class="small quiet">
          {nodes.length === 0
            ? 'no servers'
            : `${counted(nodes.length, 'server')}: ${nodes.map((n) => n.hostname).join(', ')}`}
        </p>
      </div>
      {mayChange() ? (
        <div class="row group-actions">
          <Button
            small
            label={`Rename ${name}`}
            onPress={() => props.onAsk({ kind: 'renameGroup', name })}
          >
            Rename
          </Button>
          {nodes.length === 0 && !props.isOnly ? (
            <Button small label={`Delete ${name}`} onPress={() => void deleteGroup(name)}>
              Delete
            </Button>
          ) : null}
        </div>
      ) : null}
    </div>
  )
}

function deleteGroup(name: string): Promise<void> {
  return attempted(async () => {
    await send('DELETE', `${GROUPS}/${encodeURIComponent(name)}`)
    toast(`Group ${name} is deleted.`)
  })
}
