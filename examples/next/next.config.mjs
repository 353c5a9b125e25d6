import { join } from 'node:path'

export default {
  // Loaded by Node itself, not bundled: it keeps connections to the store.
  serverExternalPackages: ['@holdfast/session'],
  // In this repository the package is a link to a folder outside of the example.
  turbopack: { root: join(import.meta.dirname, '..', '..') },
}
