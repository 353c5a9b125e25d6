// The public face of @holdfast/proxy: the daemon, in a process of one's own or as a command.

export {
  type ArgumentSurroundings,
  type ProxyArguments,
  type ProxyRunOptions,
  parseProxyArguments,
  usageText,
} from './arguments.ts'
export { ListenError, type ProxyOptions, type RunningProxy, startProxy } from './proxy.ts'
export { PROXY_FLAGS, type ProxyFlag } from './proxy-flags.ts'
export { PROXY_SETTINGS, type ProxySetting, type SettingStatus } from './proxy-settings.ts'
export { type CommandStreams, runProxy } from './run-proxy.ts'
export { VERSION } from './version.ts'
