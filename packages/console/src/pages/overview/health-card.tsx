import type { JSX } from 'preact'
import { HEALTH } from '../../health-words.ts'
import { ApiLink } from '../../parts/api-link.tsx'
import { ButtonLink } from '../../parts/button.tsx'
import { Icon } from '../../parts/icons.tsx'
import { Progress } from '../../parts/meter.tsx'
import { TONE_ICONS } from '../../parts/tone.ts'
import type { RebalanceProgress, Topology } from '../../rest/types.ts'
import { href } from '../../router.ts'
import { nextAction } from './next-action.ts'

/** The first thing to read at three in the morning: the word, why, and what to do. */
export function HealthCard(props: {
  topology: Topology
  progress: RebalanceProgress | null
}): JSX.Element {
  const { topology, progress } = props
  const { word, tone, meaning } = HEALTH[topology.health.word]
  const action = nextAction(topology)
  return (
    <section class={`card health tone-${tone}`} aria-label="Health of the cluster">
      <div class="health-word">
        <Icon name={TONE_ICONS[tone]} size={40} />
        <p class="word">{word}</p>
        <ApiLink path="/pools/default/topology" of="health of the cluster" />
      </div>
      <div class="health-why">
        <p class="meaning">{meaning}</p>
        {topology.health.reasons.length > 0 ? (
          <ul class="reasons">
            {topology.health.reasons.map((reason) => (
              <li key={reason}>{reason}</li>
            ))}
          </ul>
        ) : null}
        {progress?.status === 'running' ? (
          <Progress name="Rebalance" share={shareOf(progress)} />
        ) : null}
      </div>
      {action ? (
        <div class="health-action">
          <p>{action.text}</p>
          <ButtonLink href={href(action.page)} kind={action.needed ? 'primary' : 'plain'}>
            {action.label}
          </ButtonLink>
        </div>
      ) : null}
    </section>
  )
}

/** Of all nodes together. */
export function shareOf(progress: RebalanceProgress): number {
  const shares = Object.values(progress).flatMap((one) =>
    typeof one === 'object' ? [one.progress] : [],
  )
  return shares.length === 0 ? 0 : shares.reduce((sum, one) => sum + one, 0) / shares.length
}
