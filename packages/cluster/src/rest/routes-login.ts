/** Routes by which browsers log in and out, move to another node, and learn who they are. */
import { otpNodeOf } from '../document/cluster-document.ts'
import { errorsSchema, messagesSchema } from './answers.ts'
import { loginSchema, ticketSchema, whoamiSchema } from './answers-console.ts'
import { ApiError } from './api-error.ts'
import { TICKET_SECONDS } from './browser-logins.ts'
import { sourceFor } from './config-stream.ts'
import type { LoginClaims } from './login-token.ts'
import { field, inForm, type Route, type RouteContext } from './route.ts'
import { restAddressOf } from './views.ts'

export const loginRoutes: Route[] = [
  {
    method: 'POST',
    path: '/uilogin',
    access: 'open',
    summary: 'Logs a browser in, by name and password or by a ticket: sets a cookie.',
    parameters: [
      inForm('user', 'string', 'Name of the admin or of the read-only user.'),
      inForm('password', 'string', 'The password.'),
      inForm('ticket', 'string', 'From /uiticket at another node, in place of both.'),
    ],
    answers: {
      200: { about: 'Who has logged in.', schema: loginSchema },
      400: { about: 'There is no admin yet.', schema: errorsSchema },
      401: { about: 'What is wrong, by field.', schema: errorsSchema },
    },
    handle: logIn,
  },
  {
    method: 'POST',
    path: '/uilogout',
    access: 'open',
    summary: 'Logs a browser out: clears its cookie and ends its streams.',
    handle: ({ node, request, reply }) => {
      node.browserLogins.end({ request, reply })
      return ''
    },
  },
  {
    method: 'GET',
    path: '/whoami',
    access: 'open',
    background: true,
    summary: 'Who the caller is to this cluster, and which node answers.',
    answers: { 200: { about: 'The caller.', schema: whoamiSchema } },
    handle: whoAmI,
  },
  {
    method: 'POST',
    path: '/uiticket',
    access: 'admin',
    harmless: true,
    background: true,
    summary: "A ticket that turns a browser's login into one at another node, within a minute.",
    answers: {
      200: { about: 'The ticket.', schema: ticketSchema },
      400: { about: 'The caller has not logged in by cookie.', schema: messagesSchema },
    },
    handle: ({ node, request }) => {
      const claims = node.browserLogins.find(request)
      if (claims === null) {
        throw new ApiError(400, ['Tickets are for browsers that have logged in by /uilogin.'])
      }
      return { ticket: node.browserLogins.ticket(claims), expiresInSeconds: TICKET_SECONDS }
    },
  },
]

async function logIn(context: RouteContext): Promise<unknown> {
  const { node, body, reply } = context
  if (node.document.admin === null) {
    throw new ApiError(400, { errors: { user: 'This cluster has no admin yet.' } })
  }
  const byTicket = field(body, 'ticket') !== undefined
  const claims = byTicket ? redeem(context) : await byPassword(context)
  if (claims === null) {
    reply.code(401)
    if (byTicket) return { errors: { ticket: 'This ticket does not count any more: log in.' } }
    return { errors: { password: 'User name or password is wrong.' } }
  }
  const { user, role } = claims
  return { user, role, expiresInSeconds: node.browserLogins.secondsLeft(claims) }
}

function redeem({ node, request, reply, body }: RouteContext): LoginClaims | null {
  return node.browserLogins.redeem({ request, reply }, field(body, 'ticket') ?? '')
}

async function byPassword({
  node,
  request,
  reply,
  body,
}: RouteContext): Promise<LoginClaims | null> {
  const user = field(body, 'user') ?? ''
  const password = field(body, 'password') ?? ''
  const role = await node.logins.roleOf([user, password], request.ip, node.document)
  return role && node.browserLogins.begin({ request, reply }, user, role)
}

function whoAmI(context: RouteContext): unknown {
  const { node, request, caller } = context
  const { admin, readOnlyUser } = node.document
  const claims = node.browserLogins.find(request)
  const role = caller.admin ? 'admin' : caller.readOnly ? 'reader' : 'none'
  const user = caller.admin ? admin : caller.readOnly ? readOnlyUser : null
  return {
    user: user?.username ?? null,
    role,
    provisioned: admin !== null,
    expiresInSeconds: claims && node.browserLogins.secondsLeft(claims),
    version: node.version,
    node: restAddressOf(sourceFor(context), node.selfMember),
    otpNode: otpNodeOf(node.selfMember),
  }
}
