import { health } from '../../lib/sessions.ts'

/** For the load balancer. */
export const dynamic = 'force-dynamic'

export async function GET(): Promise<Response> {
  const { ok } = await health()
  return Response.json({ ok }, { status: ok ? 200 : 503 })
}
