/** Where the wizard is; null while it is not open. The shell shows it as long as it is open. */
import { type Signal, signal } from '@preact/signals'

export type WizardStep = 'start' | 'join' | 'admin' | 'memory' | 'bucket'

export const wizardStep: Signal<WizardStep | null> = signal(null)
