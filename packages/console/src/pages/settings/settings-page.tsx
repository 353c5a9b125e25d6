/**
 * Settings of the cluster, each part a form of its own that saves for itself. The reader sees the
 * same and can change nothing.
 */
import type { JSX } from 'preact'
import { Note } from '../../parts/note.tsx'
import { PageHead } from '../../parts/page-head.tsx'
import { mayChange } from '../../rest/who.ts'
import { AlertsCard } from './alerts-card.tsx'
import { FailoverCard } from './failover-card.tsx'
import { MemoryCard } from './memory-card.tsx'
import { ProxyTokenCard } from './proxy-token-card.tsx'
import './settings.css'
import { TlsCard } from './tls-card.tsx'
import { UsersCard } from './users-card.tsx'

export function SettingsPage(): JSX.Element {
  return (
    <>
      <PageHead title="Settings" />
      <fieldset class="settings" disabled={!mayChange()}>
        <legend class="unseen">Settings of the cluster</legend>
        {mayChange() ? null : (
          <Note>You may look at everything and change nothing: ask the admin.</Note>
        )}
        <FailoverCard />
        <MemoryCard />
        <AlertsCard />
        <UsersCard />
        <ProxyTokenCard />
        <TlsCard />
      </fieldset>
    </>
  )
}
