/**
 * Routes of the token by which proxies on other machines are told the engines. The store makes the
 * token and shows it once; what it keeps is a hash.
 */
import { randomBytes } from 'node:crypto'
import { z } from 'zod'
import { PROXY_USER } from './access.ts'
import { hashPassword } from './credentials.ts'
import type { Answer, Route, RouteContext } from './route.ts'

const TOKEN_BYTES = 24

const stateSchema = z.object({
  username: z.string().describe('what proxies log in as'),
  hasToken: z.boolean(),
})
const tokenSchema = z.object({
  username: z.string().describe('what proxies log in as'),
  token: z.string().describe('their password; shown this once'),
})
const DONE: Answer = { about: 'Done.' }

export const proxyRoutes: Route[] = [
  {
    method: 'GET',
    path: '/settings/proxies',
    access: 'admin',
    summary: 'Whether there is a token by which proxies elsewhere are told the engines.',
    answers: { 200: { about: 'The setting.', schema: stateSchema } },
    handle: ({ node }) => ({
      username: PROXY_USER,
      hasToken: node.document.proxyTokenHash !== null,
    }),
  },
  {
    method: 'POST',
    path: '/settings/proxies',
    access: 'admin',
    leader: true,
    summary: 'Makes a token for proxies; one that was there before is void.',
    answers: { 200: { about: 'The token.', schema: tokenSchema } },
    handle: makeToken,
  },
  {
    method: 'DELETE',
    path: '/settings/proxies',
    access: 'admin',
    leader: true,
    summary: 'Removes the token of the proxies.',
    answers: { 200: DONE },
    handle: removeToken,
  },
]

async function makeToken({ node }: RouteContext): Promise<unknown> {
  const token = randomBytes(TOKEN_BYTES).toString('base64url')
  const hash = await hashPassword(token)
  await node.change((draft) => {
    draft.proxyTokenHash = hash
  })
  return { username: PROXY_USER, token }
}

async function removeToken({ node }: RouteContext): Promise<unknown> {
  await node.change((draft) => {
    draft.proxyTokenHash = null
  })
  return ''
}
