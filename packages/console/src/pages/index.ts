/**
 * The pages by their word in the address. All but the overview are chunks of their own that are
 * loaded when they are first shown.
 */
import type { FunctionComponent } from 'preact'
import type { IconName } from '../parts/icons.tsx'
import { OverviewPage } from './overview/overview-page.tsx'

export interface Page {
  word: string
  title: string
  icon: IconName
  load: () => Promise<FunctionComponent> | FunctionComponent
}

export const pages: readonly Page[] = [
  { word: 'overview', title: 'Overview', icon: 'overview', load: () => OverviewPage },
  {
    word: 'servers',
    title: 'Servers',
    icon: 'server',
    load: async () => (await import('./servers/servers-page.tsx')).ServersPage,
  },
  {
    word: 'buckets',
    title: 'Buckets',
    icon: 'bucket',
    load: async () => (await import('./buckets/buckets-page.tsx')).BucketsPage,
  },
  {
    word: 'sessions',
    title: 'Sessions',
    icon: 'session',
    load: async () => (await import('./sessions/sessions-page.tsx')).SessionsPage,
  },
  {
    word: 'proxies',
    title: 'Proxies',
    icon: 'proxy',
    load: async () => (await import('./proxies/proxies-page.tsx')).ProxiesPage,
  },
  {
    word: 'topology',
    title: 'Topology',
    icon: 'topology',
    load: async () => (await import('./topology/topology-page.tsx')).TopologyPage,
  },
  {
    word: 'log',
    title: 'Log and alerts',
    icon: 'log',
    load: async () => (await import('./log/log-page.tsx')).LogPage,
  },
  {
    word: 'settings',
    title: 'Settings',
    icon: 'settings',
    load: async () => (await import('./settings/settings-page.tsx')).SettingsPage,
  },
]
