/** What a person wants to do with the servers: opens the dialog that belongs to it, or does it. */
import type { ServerRow } from './server-row.ts'

export type Ask =
  | { kind: 'add' | 'rebalance' | 'moveGroups' | 'newGroup' }
  | { kind: 'failOver' | 'remove' | 'cancelAdd'; row: ServerRow }
  | { kind: 'renameGroup'; name: string }

export type OnAsk = (ask: Ask) => void
