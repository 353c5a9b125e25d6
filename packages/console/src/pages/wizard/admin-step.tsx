import type { JSX } from 'preact'
import { Field } from '../../parts/field.tsx'
import { Form, FormEnd, type FormValues } from '../../parts/form.tsx'
import { send } from '../../rest/request.ts'
import { RestError } from '../../rest/rest-error.ts'
import { logIn } from '../../rest/who.ts'
import { BackButton } from './back-button.tsx'
import { wizardStep } from './wizard-step.ts'

/** Sets the admin and logs in as it. */
export function AdminStep(): JSX.Element {
  return (
    <Form label="Admin of the cluster" onSend={setAdmin}>
      <p class="quiet">
        Until there is an admin, everybody who reaches this node may do everything. The admin of the
        cluster logs in to this console, the command line and the REST.
      </p>
      <Field name="username" label="User name" value="admin" autoComplete="username" />
      <Field
        name="password"
        label="Password"
        type="password"
        hint="Six characters or more."
        autoComplete="new-password"
        autoFocus
      />
      <Field name="repeated" label="Password again" type="password" autoComplete="new-password" />
      <FormEnd send="Next">
        <BackButton to="start" />
      </FormEnd>
    </Form>
  )
}

async function setAdmin({ username = '', password = '', repeated }: FormValues): Promise<void> {
  if (password !== repeated) {
    throw new RestError(400, { errors: { repeated: 'The two passwords differ.' } })
  }
  try {
    await send('POST', '/settings/web', { port: 'SAME', username, password })
  } catch (cause) {
    throw atFields(RestError.of(cause))
  }
  await logIn(username, password)
  wizardStep.value = 'memory'
}

/** The REST tells these errors as a list, without the fields. */
function atFields(error: RestError): RestError {
  if (!Array.isArray(error.body)) return error
  const errors: Record<string, string> = {}
  for (const text of error.body) {
    if (typeof text === 'string') errors[/password/i.test(text) ? 'password' : 'username'] = text
  }
  return new RestError(error.status, { errors })
}
