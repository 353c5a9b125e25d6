/** What has happened and what to do: read out when it appears. */
import type { JSX } from 'preact'
import { attempt } from '../../parts/attempt.ts'
import { Button } from '../../parts/button.tsx'
import { Icon } from '../../parts/icons.tsx'
import { TONE_ICONS } from '../../parts/tone.ts'
import { mayChange } from '../../rest/who.ts'
import type { OnAsk } from './ask.ts'
import type { ServerRow } from './server-row.ts'
import { reAdd } from './servers-table.tsx'
import type { Situation, Step } from './situation.ts'

export function SituationCards(props: {
  situations: readonly Situation[]
  rows: readonly ServerRow[]
  onAsk: OnAsk
}): JSX.Element {
  const take = (step: Step): void => {
    if ('otpNode' in step) {
      const row = props.rows.find((one) => one.otpNode === step.otpNode)
      if (!row) return
      if (step.kind === 'reAdd') void reAdd(row)
      else props.onAsk({ kind: step.kind, row })
    } else if (step.kind === 'resetCount') {
      void attempt('/settings/autoFailover/resetCount', {}, 'The count is 0 again.')
    } else {
      props.onAsk({ kind: step.kind })
    }
  }
  return (
    <div class="situations" role="status">
      {props.situations.map((situation) => (
        <OneSituation key={situation.title} situation={situation} onStep={take} />
      ))}
    </div>
  )
}

function OneSituation(props: { situation: Situation; onStep: (step: Step) => void }): JSX.Element {
  const { tone, title, lines, steps } = props.situation
  return (
    <div class={`card situation tone-${tone}`}>
      <Icon name={TONE_ICONS[tone]} size={24} />
      <div class="stack tight">
        <h2>{title}</h2>
        {lines.map((line) => (
          <p key={line}>{line}</p>
        ))}
        {mayChange() ? (
          <div class="row">
            {steps.map((step, index) => (
              <Button
                key={step.label}
                kind={index === 0 ? 'primary' : 'plain'}
                onPress={() => props.onStep(step)}
              >
                {step.label}
              </Button>
            ))}
          </div>
        ) : null}
      </div>
    </div>
  )
}
