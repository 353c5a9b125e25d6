/** The state of the cluster in one word, and what belongs to it. Pure. */
import type { Tone } from './parts/tone.ts'
import type { HealthWord } from './rest/types.ts'

export interface HealthShown {
  word: string
  tone: Tone
  /** One sentence on what it means for those who use the cluster. */
  meaning: string
}

export const HEALTH: Record<HealthWord, HealthShown> = {
  healthy: {
    word: 'Healthy',
    tone: 'good',
    meaning: 'All data is served, and every copy is there.',
  },
  rebalancing: {
    word: 'Rebalancing',
    tone: 'busy',
    meaning: 'All data is served while copies move.',
  },
  degraded: {
    word: 'Degraded',
    tone: 'warning',
    meaning: 'All data is served, with fewer copies than wanted.',
  },
  unavailable: {
    word: 'Unavailable',
    tone: 'bad',
    meaning: 'Some data is not served: no copy of it that could be.',
  },
  noBuckets: {
    word: 'No buckets',
    tone: 'plain',
    meaning: 'The cluster runs; there is nothing to put data into yet.',
  },
}
