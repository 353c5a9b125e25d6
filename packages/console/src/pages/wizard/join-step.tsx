/** The step of the wizard that hands this node to a cluster that exists. */
import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import { ButtonLink } from '../../parts/button.tsx'
import { Field } from '../../parts/field.tsx'
import { Form, FormEnd, type FormValues } from '../../parts/form.tsx'
import { Note } from '../../parts/note.tsx'
import { send } from '../../rest/request.ts'
import { RestError } from '../../rest/rest-error.ts'
import { who } from '../../rest/who.ts'
import { BackButton } from './back-button.tsx'

const DEFAULT_PORT = '8091'
const FIELDS: readonly (readonly [RegExp, string])[] = [
  [/^Authentication failed/, 'password'],
  [/^Prepare join failed/, 'hostname'],
  [/clusterMember|^Could not connect/, 'address'],
]

/** Hands this node to a cluster that exists. It gets data with the next rebalance there. */
export function JoinStep(): JSX.Element {
  const [joined, setJoined] = useState<string | null>(null)
  if (joined !== null) return <Joined address={joined} />
  const join = async ({ address = '', user, password, hostname }: FormValues): Promise<void> => {
    const [host = '', port = DEFAULT_PORT] = address.trim().split(':')
    if (host === '') {
      throw new RestError(400, { errors: { address: 'The address of a node is needed.' } })
    }
    try {
      await send('POST', '/node/controller/doJoinCluster', {
        clusterMemberHostIp: host,
        clusterMemberPort: port,
        user,
        password,
        hostname: hostname || undefined,
      })
    } catch (cause) {
      throw atField(RestError.of(cause))
    }
    setJoined(`${host}:${port}`)
  }
  return (
    <Form label="Join a cluster" onSend={join}>
      <Field
        name="address"
        label="Any node of the cluster"
        placeholder="10.0.0.1:8091"
        hint="Its address and REST port."
        autoFocus
      />
      <Field name="user" label="Admin of that cluster" value="admin" autoComplete="username" />
      <Field name="password" label="Password" type="password" autoComplete="current-password" />
      <Field
        name="hostname"
        label="Address of this node (optional)"
        placeholder={who.value?.node ?? ''}
        hint="How the cluster should reach it, host:port, where that is not how you do."
      />
      <Note tone="warning">Buckets and items that this node holds are dropped.</Note>
      <FormEnd send="Join">
        <BackButton to="start" />
      </FormEnd>
    </Form>
  )
}

function Joined({ address }: { address: string }): JSX.Element {
  return (
    <div class="stack">
      <Note tone="good" urgent>
        This node is a member of the cluster of {address}. It gets data with the next rebalance:
        start it on the Servers page there, when all new nodes have joined.
      </Note>
      <div class="form-end">
        <ButtonLink href={`${location.protocol}//${address}/ui/#/servers`} kind="primary">
          Go to Servers
        </ButtonLink>
      </div>
    </div>
  )
}

/** The REST tells what is wrong as a list of sentences: most belong to a field. */
function atField(error: RestError): RestError {
  const [, field] = FIELDS.find(([pattern]) => pattern.test(error.message)) ?? []
  return field ? new RestError(error.status, { errors: { [field]: error.message } }) : error
}
