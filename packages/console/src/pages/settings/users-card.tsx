/** The two users of the console and the REST: the admin, and the one who may only look. */
import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import { ApiLink } from '../../parts/api-link.tsx'
import { Button } from '../../parts/button.tsx'
import { Card } from '../../parts/card.tsx'
import { ConfirmByName } from '../../parts/confirm-by-name.tsx'
import { Field } from '../../parts/field.tsx'
import { Form, FormEnd, type FormValues } from '../../parts/form.tsx'
import { Skeleton } from '../../parts/skeleton.tsx'
import { toast } from '../../parts/toast.tsx'
import { Shown } from '../../parts/watched.tsx'
import { useWatch } from '../../rest/live.ts'
import { send } from '../../rest/request.ts'
import { RestError } from '../../rest/rest-error.ts'
import type { WebSettings } from '../../rest/types.ts'

const ADMIN_PATH = '/settings/web'
const READER_PATH = '/settings/readOnlyUser'
const READER_NAME_PATH = '/settings/readOnlyAdminName'

export function UsersCard(): JSX.Element {
  const admin = useWatch<WebSettings>(ADMIN_PATH)
  return (
    <Card title="Users" actions={<ApiLink path={ADMIN_PATH} of="users" />}>
      <div class="stack">
        <Shown of={admin} heightRem={12}>
          {({ username }) => <AdminForm username={username} />}
        </Shown>
        <div class="settings-part">
          <Reader />
        </div>
      </div>
    </Card>
  )
}

function AdminForm({ username }: { username: string }): JSX.Element {
  return (
    <Form label="Admin" onSend={saveAdmin}>
      <h3>Admin</h3>
      <div class="settings-pair">
        <Field name="username" label="Name" value={username} autoComplete="username" />
        <Field
          name="password"
          label="Other password"
          type="password"
          autoComplete="new-password"
          hint="Six characters or more. Logins with the old one end."
        />
      </div>
      <FormEnd send="Change the admin" />
    </Form>
  )
}

/** The REST tells what is wrong as a list: it goes to the field that each sentence names. */
async function saveAdmin(values: FormValues): Promise<void> {
  try {
    await send('POST', ADMIN_PATH, { ...values, port: 'SAME' })
  } catch (cause) {
    const error = RestError.of(cause)
    if (error.status !== 400 || !Array.isArray(error.body)) throw error
    const errors: Record<string, string> = {}
    for (const text of error.body.map(String)) {
      errors[/password/i.test(text) ? 'password' : 'username'] = text
    }
    throw new RestError(400, { errors }, { cause })
  }
  toast('The admin is changed.')
}

function Reader(): JSX.Element {
  const { body, error } = useWatch<string>(READER_NAME_PATH).value
  const isNone = error?.status === 404
  if (body === null && !isNone) return <Skeleton heightRem={10} />
  return isNone || body === null ? <NoReader /> : <OneReader key={body} name={body} />
}

function NoReader(): JSX.Element {
  const make = async (values: FormValues): Promise<void> => {
    await send('POST', READER_PATH, values)
    toast(`${values.username} may look at everything from now on.`)
  }
  return (
    <Form label="Read-only user" onSend={make}>
      <h3>Read-only user</h3>
      <p class="quiet">May look at everything, secrets apart, and change nothing.</p>
      <div class="settings-pair">
        <Field name="username" label="Name" />
        <Field name="password" label="Password" type="password" autoComplete="new-password" />
      </div>
      <FormEnd send="Make the user" />
    </Form>
  )
}

function OneReader({ name }: { name: string }): JSX.Element {
  const [isAsking, setAsking] = useState(false)
  const change = async (values: FormValues): Promise<void> => {
    await send('PUT', READER_PATH, values)
    toast(`The password of ${name} is changed.`)
  }
  const remove = async (): Promise<void> => {
    await send('DELETE', READER_PATH)
    toast(`${name} is removed.`)
  }
  return (
    <>
      <Form label="Read-only user" onSend={change}>
        <h3>Read-only user: {name}</h3>
        <Field
          name="password"
          label="Other password"
          type="password"
          autoComplete="new-password"
          hint="Six characters or more."
        />
        <FormEnd send="Change the password">
          <Button kind="danger" onPress={() => setAsking(true)}>
            Remove
          </Button>
        </FormEnd>
      </Form>
      {isAsking ? (
        <ConfirmByName
          title={`Remove ${name}`}
          kind="user"
          name={name}
          action="Remove"
          onConfirm={remove}
          onClose={() => setAsking(false)}
        >
          <p>Whoever is logged in as {name} is logged out.</p>
        </ConfirmByName>
      ) : null}
    </>
  )
}
