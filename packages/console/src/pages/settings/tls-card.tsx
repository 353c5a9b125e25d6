import type { JSX } from 'preact'
import { ApiLink } from '../../parts/api-link.tsx'
import { Badge } from '../../parts/badge.tsx'
import { Card } from '../../parts/card.tsx'
import { Terms } from '../../parts/figure.tsx'
import { counted } from '../../parts/units.ts'
import { Shown } from '../../parts/watched.tsx'
import { useWatch } from '../../rest/live.ts'
import type { TlsSettings } from '../../rest/types.ts'

const PATH = '/settings/tls'
const DAYS_LEFT_FEW = 21

/** The certificate of the node behind this page. It is set where the node is started. */
export function TlsCard(): JSX.Element {
  const answer = useWatch<TlsSettings>(PATH)
  return (
    <Card title="TLS" actions={<ApiLink path={PATH} of="TLS" />}>
      <Shown of={answer} heightRem={8}>
        {(tls) => (
          <div class="stack">
            {tls.enabled ? (
              <Certificate tls={tls} />
            ) : (
              <p>
                <Badge tone="warning">Plain HTTP only</Badge>
              </p>
            )}
            <p class="quiet">
              Set where a node is started, with <code>--tls-port</code>, <code>--tls-cert</code> and{' '}
              <code>--tls-key</code>; files that change are read again by themselves.
            </p>
          </div>
        )}
      </Shown>
    </Card>
  )
}

function Certificate({ tls }: { tls: TlsSettings }): JSX.Element {
  const days = tls.daysLeft ?? 0
  return (
    <Terms
      list={[
        ['Port', tls.port ?? ''],
        ['Subject', tls.subject ?? ''],
        ['Issuer', tls.issuer ?? ''],
        [
          'Valid until',
          <>
            {tls.validTo}{' '}
            <Badge tone={days <= 0 ? 'bad' : days <= DAYS_LEFT_FEW ? 'warning' : 'good'}>
              {days <= 0 ? 'expired' : `${counted(days, 'day')} left`}
            </Badge>
          </>,
        ],
      ]}
    />
  )
}
