/** The token by which proxies on other hosts are told the engines. It is shown once. */
import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import { ApiLink } from '../../parts/api-link.tsx'
import { attempted } from '../../parts/attempt.ts'
import { Badge } from '../../parts/badge.tsx'
import { Button } from '../../parts/button.tsx'
import { Card } from '../../parts/card.tsx'
import { ConfirmByName } from '../../parts/confirm-by-name.tsx'
import { Note } from '../../parts/note.tsx'
import { toast } from '../../parts/toast.tsx'
import { Shown } from '../../parts/watched.tsx'
import { useWatch } from '../../rest/live.ts'
import { send } from '../../rest/request.ts'
import type { ProxySettings, ProxyToken } from '../../rest/types.ts'

const PATH = '/settings/proxies'

export function ProxyTokenCard(): JSX.Element {
  const answer = useWatch<ProxySettings>(PATH)
  const [token, setToken] = useState<string | null>(null)
  const [isAsking, setAsking] = useState(false)
  const make = async (): Promise<void> => {
    setToken((await send<ProxyToken>('POST', PATH)).token)
  }
  const remove = async (): Promise<void> => {
    await send('DELETE', PATH)
    setToken(null)
    toast('The token is void.')
  }
  return (
    <Card title="Proxies" actions={<ApiLink path={PATH} of="the proxies' token" />}>
      <Shown of={answer} heightRem={8}>
        {({ hasToken, username }) => (
          <div class="stack">
            <p>
              {hasToken ? <Badge tone="good">There is a token</Badge> : <Badge>No token</Badge>}
            </p>
            <p class="quiet">
              A proxy on another host needs it to follow a bucket without a password: it logs in as{' '}
              <code>{username}</code> with the token.
            </p>
            {token === null ? null : (
              <Note tone="good" urgent>
                <p>The token, shown this once:</p>
                <pre class="api-line">{token}</pre>
              </Note>
            )}
            <div class="form-end">
              {hasToken ? (
                <Button kind="danger" onPress={() => setAsking(true)}>
                  Remove
                </Button>
              ) : null}
              <Button onPress={() => void attempted(make)}>
                {hasToken ? 'Make another token' : 'Make a token'}
              </Button>
            </div>
          </div>
        )}
      </Shown>
      {isAsking ? (
        <ConfirmByName
          title="Remove the token"
          kind="token's user"
          name={answer.value.body?.username ?? ''}
          action="Remove"
          onConfirm={remove}
          onClose={() => setAsking(false)}
        >
          <p>Proxies that use it keep their map, and are refused when they ask for it anew.</p>
        </ConfirmByName>
      ) : null}
    </Card>
  )
}
