/** Who uses the page: asked at the start, changed by logging in and out. */
import { type Signal, signal } from '@preact/signals'
import { read, send, whenUnauthorized } from './request.ts'
import type { Login, Who } from './types.ts'

/** Null until the node has said. */
export const who: Signal<Who | null> = signal(null)

/** Why the login page is shown, where it is not the first thing of a visit. */
export const endedBecause: Signal<string | null> = signal(null)

whenUnauthorized(() => endLogin('The login has ended. Log in again to go on where you were.'))

export async function askWho(): Promise<void> {
  who.value = await read<Who>('/whoami')
}

/** Throws RestError when user and password are not right. */
export async function logIn(user: string, password: string): Promise<void> {
  await send<Login>('POST', '/uilogin', { user, password })
  endedBecause.value = null
  await askWho()
}

/** Trades the ticket that another node's page has brought; true when it was good. */
export async function logInByTicket(ticket: string): Promise<boolean> {
  try {
    await send<Login>('POST', '/uilogin', { ticket })
    return true
  } catch {
    return false
  }
}

export async function logOut(): Promise<void> {
  try {
    await send('POST', '/uilogout')
  } finally {
    const reason = 'You have logged out.'
    endLogin(reason)
    // The stream may have said first that the login has ended.
    endedBecause.value = reason
  }
}

/** Shows the login page and says why. */
export function endLogin(reason: string): void {
  const { value } = who
  if (value === null || value.role === 'none') return
  endedBecause.value = reason
  who.value = { ...value, role: 'none', user: null, expiresInSeconds: null }
}

/** Whether the user may change things. */
export function mayChange(): boolean {
  return who.value?.role === 'admin'
}
