import type { JSX } from 'preact'
import { Button } from '../../parts/button.tsx'
import { type WizardStep, wizardStep } from './wizard-step.ts'

export function BackButton({ to }: { to: WizardStep }): JSX.Element {
  return (
    <Button
      icon="back"
      onPress={() => {
        wizardStep.value = to
      }}
    >
      Back
    </Button>
  )
}
