/** Server groups as the REST shows them, in Couchbase's shape. */
import { z } from 'zod'
import { type RestClient, RestError } from './rest-client.ts'

export interface ServerGroup {
  name: string
  uri: string
  addNodeURI?: string | undefined
  nodes: { otpNode: string; hostname: string }[]
}

export interface ServerGroups {
  groups: ServerGroup[]
  /** Where a whole new arrangement is put. */
  uri: string
}

const groupsSchema: z.ZodType<ServerGroups> = z.object({
  groups: z.array(
    z.object({
      name: z.string(),
      uri: z.string(),
      addNodeURI: z.string().optional(),
      nodes: z.array(z.object({ otpNode: z.string(), hostname: z.string() })),
    }),
  ),
  uri: z.string(),
})

export async function readGroups(rest: RestClient): Promise<ServerGroups> {
  return groupsSchema.parse(await rest.get('/pools/default/serverGroups'))
}

/** The group of that name; throws when there is none. */
export function groupNamed({ groups }: ServerGroups, name: string): ServerGroup {
  const group = groups.find((g) => g.name === name)
  if (group) return group
  const known = groups.map((g) => g.name).join(', ')
  throw new RestError(`no server group ${name}; there are ${known}`, null)
}
