/** Loaded by Node itself, not bundled: it keeps connections to the store. */
export default { serverExternalPackages: ['@holdfast/session'] }
