/** What a part says by colour and by icon; the words beside it say the same. */
import type { IconName } from './icons.tsx'

export type Tone = 'good' | 'warning' | 'bad' | 'busy' | 'plain'

export const TONE_ICONS: Record<Tone, IconName> = {
  good: 'good',
  warning: 'alert',
  bad: 'failed',
  busy: 'turn',
  plain: 'note',
}
