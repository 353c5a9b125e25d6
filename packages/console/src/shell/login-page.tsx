import type { JSX } from 'preact'
import { Field } from '../parts/field.tsx'
import { Form, FormEnd } from '../parts/form.tsx'
import { Mark } from '../parts/icons.tsx'
import { Note } from '../parts/note.tsx'
import { endedBecause, logIn, who } from '../rest/who.ts'

/** Asks who it is. What was on show before comes back, as the address stays. */
export function LoginPage(): JSX.Element {
  return (
    <main class="alone">
      <div class="alone-mark">
        <Mark size={36} />
        <h1>Holdfast</h1>
      </div>
      <div class="card stack">
        {endedBecause.value ? <Note>{endedBecause.value}</Note> : null}
        <Form label="Log in" onSend={({ user = '', password = '' }) => logIn(user, password)}>
          <Field name="user" label="User" autoComplete="username" autoFocus />
          <Field name="password" label="Password" type="password" autoComplete="current-password" />
          <FormEnd send="Log in" />
        </Form>
      </div>
      <p class="quiet small">
        Node {who.value?.node}, version {who.value?.version}
      </p>
    </main>
  )
}
