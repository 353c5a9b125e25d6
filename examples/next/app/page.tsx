import { cookies, headers } from 'next/headers'
import { getSession } from '../lib/sessions.ts'

async function login(form: FormData) {
  'use server'
  const session = await getSession(await cookies(), await headers())
  // A fresh id at login: an id planted before it is worth nothing.
  await session.regenerate({ keep: ['count'] })
  session.set('user', String(form.get('user')))
  await session.save()
}

async function logout() {
  'use server'
  const session = await getSession(await cookies())
  await session.destroy()
}

export default async function Page() {
  // A component can read the session; Next.js lets only actions and route handlers set its cookie.
  const session = await getSession(await cookies())
  const user = session.get('user')
  return (
    <main>
      <p>
        Visits counted by <a href="/count">/count</a>: <b id="count">{session.get('count') ?? 0}</b>
      </p>
      {user === undefined ? (
        <form action={login}>
          <input name="user" aria-label="Your name" required />
          <button type="submit">Log in</button>
        </form>
      ) : (
        <form action={logout}>
          Hello <b id="user">{user}</b> <button type="submit">Log out</button>
        </form>
      )}
    </main>
  )
}
