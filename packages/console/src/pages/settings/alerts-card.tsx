/**
 * Who is told of alerts, by mail and by webhook, and of which. A test mail goes out with what the
 * form says, saved or not.
 */
import type { JSX } from 'preact'
import { useRef } from 'preact/hooks'
import { ApiLink } from '../../parts/api-link.tsx'
import { attempt } from '../../parts/attempt.ts'
import { Button } from '../../parts/button.tsx'
import { Card } from '../../parts/card.tsx'
import { CheckField, Field } from '../../parts/field.tsx'
import { Form, FormEnd, type FormValues } from '../../parts/form.tsx'
import { toast } from '../../parts/toast.tsx'
import { Shown } from '../../parts/watched.tsx'
import { useWatch } from '../../rest/live.ts'
import { send } from '../../rest/request.ts'
import type { AlertSettings } from '../../rest/types.ts'
import { ALERT_WORDS, alertForm, KIND_PREFIX } from './alert-form.ts'

const PATH = '/settings/alerts'

export function AlertsCard(): JSX.Element {
  const answer = useWatch<AlertSettings>(PATH)
  return (
    <Card title="Alerts" actions={<ApiLink path={PATH} of="alert settings" />}>
      <Shown of={answer} heightRem={44}>
        {(settings) => <AlertsForm settings={settings} />}
      </Shown>
    </Card>
  )
}

function AlertsForm({ settings }: { settings: AlertSettings }): JSX.Element {
  const typed = useRef<FormValues | null>(null)
  const { emailServer } = settings
  return (
    <Form
      label="Alerts"
      onEdit={(values) => {
        typed.current = values
      }}
      onSend={async (values) => {
        await send('POST', PATH, alertForm(values))
        toast('Alerts are saved.')
      }}
    >
      <CheckField name="enabled" label="Send alerts by mail" value={settings.enabled} />
      <div class="settings-pair">
        <Field name="sender" label="Sender" value={settings.sender} />
        <Field
          name="recipients"
          label="Recipients"
          value={settings.recipients.join(', ')}
          hint="Addresses, separated by commas."
        />
      </div>
      <div class="settings-pair">
        <Field name="emailHost" label="Mail server" value={emailServer.host} />
        <Field name="emailPort" label="Port" type="number" min={1} value={emailServer.port} />
        <Field name="emailUser" label="Mail user" value={emailServer.user} />
        <Field
          name="emailPass"
          label="Mail password"
          type="password"
          autoComplete="new-password"
          hint="Left empty, it stays as it is."
        />
      </div>
      <CheckField name="emailEncrypt" label="Mail over TLS" value={emailServer.encrypt} />
      <Field
        name="webhookUrl"
        label="Webhook"
        type="url"
        value={settings.webhookUrl}
        hint="Alerts are posted there as JSON. Empty for nowhere."
      />
      <fieldset class="field">
        <legend class="label">Told of</legend>
        <div class="settings-kinds">
          {Object.entries(ALERT_WORDS).map(([kind, words]) => (
            <CheckField
              key={kind}
              name={`${KIND_PREFIX}${kind}`}
              label={words}
              value={settings.alerts.includes(kind)}
            />
          ))}
        </div>
      </fieldset>
      <FormEnd send="Save">
        <Button onPress={() => void testMail(typed.current)}>Send a test mail</Button>
      </FormEnd>
    </Form>
  )
}

function testMail(values: FormValues | null): Promise<void> {
  const form = values ? alertForm(values) : {}
  return attempt(`${PATH}/testEmail`, form, 'The mail server has taken a test mail.')
}
