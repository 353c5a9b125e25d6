import type { JSX } from 'preact'

export function WizardPage(): JSX.Element {
  return <h1>Holdfast</h1>
}
