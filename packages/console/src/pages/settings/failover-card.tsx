/** Settings of automatic failover, and how often it has happened. */
import type { JSX } from 'preact'
import { ApiLink } from '../../parts/api-link.tsx'
import { attempt } from '../../parts/attempt.ts'
import { Button } from '../../parts/button.tsx'
import { Card } from '../../parts/card.tsx'
import { CheckField, Field } from '../../parts/field.tsx'
import { Form, FormEnd, type FormValues } from '../../parts/form.tsx'
import { Note } from '../../parts/note.tsx'
import { toast } from '../../parts/toast.tsx'
import { counted } from '../../parts/units.ts'
import { Shown } from '../../parts/watched.tsx'
import { useWatch } from '../../rest/live.ts'
import { send } from '../../rest/request.ts'
import { RestError } from '../../rest/rest-error.ts'
import type { AutoFailover } from '../../rest/types.ts'

const PATH = '/settings/autoFailover'

/** When the cluster fails a dead node over by itself, and how often it may. */
export function FailoverCard(): JSX.Element {
  const answer = useWatch<AutoFailover>(PATH)
  return (
    <Card title="Automatic failover" actions={<ApiLink path={PATH} of="automatic failover" />}>
      <Shown of={answer} heightRem={16}>
        {(settings) => (
          <div class="stack">
            <Spent settings={settings} />
            <FailoverForm settings={settings} />
          </div>
        )}
      </Shown>
    </Card>
  )
}

function Spent({ settings: { count, maxCount } }: { settings: AutoFailover }): JSX.Element {
  const isSpent = count >= maxCount
  return (
    <Note tone={isSpent ? 'bad' : 'plain'}>
      <p>
        {counted(count, 'automatic failover')} of at most {maxCount} since all copies were whole.{' '}
        {isSpent ? 'Another one will not happen by itself.' : ''}
      </p>
      {count > 0 ? (
        <Button small onPress={() => void resetCount()}>
          Reset the count
        </Button>
      ) : null}
    </Note>
  )
}

function resetCount(): Promise<void> {
  return attempt(`${PATH}/resetCount`, {}, 'The count is 0 again.')
}

function FailoverForm({ settings }: { settings: AutoFailover }): JSX.Element {
  return (
    <Form label="Automatic failover" onSend={save}>
      <CheckField
        name="enabled"
        label="Fail a dead node over by itself"
        hint="Needs a majority of members, so two nodes alone never do."
        value={settings.enabled}
      />
      <div class="settings-pair">
        <Field
          name="timeout"
          label="After"
          type="number"
          unit="s"
          step="any"
          min={0.3}
          value={settings.timeout}
          hint="Without a word from the node; 0.3 at least."
        />
        <Field
          name="maxCount"
          label="At most"
          type="number"
          min={1}
          value={settings.maxCount}
          hint="In a row, until all copies are whole again."
        />
      </div>
      <FormEnd send="Save" />
    </Form>
  )
}

/** Asked first what is wrong: only that answer says it by field. */
async function save(values: FormValues): Promise<void> {
  const check = await send<{ errors: Record<string, string> | null }>(
    'POST',
    `${PATH}?just_validate=1`,
    values,
  )
  if (check.errors && Object.keys(check.errors).length > 0) throw new RestError(400, check)
  await send('POST', PATH, values)
  toast('Automatic failover is saved.')
}
