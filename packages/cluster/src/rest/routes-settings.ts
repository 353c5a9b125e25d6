/** Routes of the cluster's settings. */
import { hostnameOf } from '../document/cluster-document.ts'
import { ApiError } from './api-error.ts'
import { hashPassword } from './credentials.ts'
import { field, type Route, type RouteContext } from './route.ts'

const PASSWORD_LENGTH_MIN = 6

export const settingsRoutes: Route[] = [
  {
    method: 'POST',
    path: '/settings/web',
    access: 'admin',
    leader: true,
    summary: 'Sets the admin: username, password (6 or more characters), port=SAME.',
    handle: setAdmin,
  },
]

async function setAdmin({ node, body }: RouteContext): Promise<unknown> {
  const username = field(body, 'username') ?? ''
  const password = field(body, 'password') ?? ''
  const errors: string[] = []
  if (username === '' || username.includes(':')) errors.push('Username must not be empty')
  if (password.length < PASSWORD_LENGTH_MIN) {
    errors.push('The password must be at least six characters.')
  }
  if (errors.length > 0) throw new ApiError(400, errors)
  const passwordHash = await hashPassword(password)
  await node.change((draft) => {
    draft.admin = { username, passwordHash }
  })
  return { newBaseUri: `http://${hostnameOf(node.selfMember)}/` }
}
