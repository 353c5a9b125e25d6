// The public face of @holdfast/proxy: the daemon, in a process of one's own or as a command.

export {
  type ProxyArguments,
  type ProxyCommand,
  parseProxyArguments,
  usageText,
} from './arguments.ts'
export {
  ConfigFileError,
  type ConfigSurroundings,
  parseConfigText,
  readConfigFile,
} from './config-file.ts'
export { checkConfig, configJsonSchema } from './config-schema.ts'
export {
  ListenError,
  type ProxyOptions,
  ProxyOptionsError,
  type RunningProxy,
  startConfiguredProxy,
  startProxy,
} from './proxy.ts'
export type * from './proxy-config.ts'
export { SourceAuthenticationError } from './proxy-daemon.ts'
export { PROXY_FLAGS, type ProxyFlag } from './proxy-flags.ts'
export { PROXY_SETTINGS, type ProxySetting, type SettingStatus } from './proxy-settings.ts'
export { type CommandStreams, runProxy } from './run-proxy.ts'
export { VERSION } from './version.ts'
