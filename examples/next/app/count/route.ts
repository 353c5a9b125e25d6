import { withSession } from '../../lib/sessions.ts'

export const GET = withSession((_request, session) => {
  const count = (session.get('count') ?? 0) + 1
  session.set('count', count)
  return Response.json({ count })
})
