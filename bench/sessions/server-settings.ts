/** What every server of the suite `sessions` is started with. */
export interface ServerSettings {
  readonly port: number
  /** `host:port` of its store; empty where it has none. */
  readonly store: string
  readonly secret: string
}
