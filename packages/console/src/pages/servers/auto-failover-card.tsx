import type { JSX } from 'preact'
import { ApiLink } from '../../parts/api-link.tsx'
import { attempt } from '../../parts/attempt.ts'
import { Badge } from '../../parts/badge.tsx'
import { Button, ButtonLink } from '../../parts/button.tsx'
import { Card } from '../../parts/card.tsx'
import { Terms } from '../../parts/figure.tsx'
import type { AutoFailover } from '../../rest/types.ts'
import { mayChange } from '../../rest/who.ts'
import { href } from '../../router.ts'

export const AUTO_FAILOVER = '/settings/autoFailover'

/** Whether a dead server is failed over by itself, and how often that may still happen. */
export function AutoFailoverCard({ settings }: { settings: AutoFailover }): JSX.Element {
  const { enabled, timeout, count, maxCount } = settings
  const isSpent = count >= maxCount
  const tone = enabled ? (isSpent ? 'warning' : 'good') : 'warning'
  return (
    <Card
      title="Automatic failover"
      actions={
        <>
          <ApiLink path={AUTO_FAILOVER} of="automatic failover" />
          <ButtonLink href={href('settings')} small icon="settings">
            Change
          </ButtonLink>
        </>
      }
    >
      <div class="stack">
        <p>
          <Badge tone={tone}>{enabled ? (isSpent ? 'on, used up' : 'on') : 'off'}</Badge>
        </p>
        <Terms
          list={[
            ['After', `${timeout} s without a word`],
            ['Happened', `${count} of at most ${maxCount} in a row`],
            ['Needs', 'a majority of the servers, and a copy that has every write'],
          ]}
        />
        {count > 0 && mayChange() ? (
          <div class="row">
            <Button
              onPress={() =>
                void attempt(`${AUTO_FAILOVER}/resetCount`, {}, 'The count is 0 again.')
              }
            >
              Reset the count
            </Button>
          </div>
        ) : null}
      </div>
    </Card>
  )
}
