// The configuration of the load balancer, HAProxy, in front of the app servers. Pure text. A
// visitor stays at the app server whose route stands in the session cookie (the session id ends
// with `.route`, then comes `.` and the signature); an app server whose /health fails, because it
// or its local proxy is gone, gets no more visitors, and they go on at another one.

export interface BalancedApp {
  readonly route: string
  readonly port: number
}

export interface BalancerOptions {
  readonly port: number
  readonly apps: readonly BalancedApp[]
  readonly cookieName: string
  /** Without it every app server serves every visitor: for sessions that are not sticky. */
  readonly sticky: boolean
}

/** The text of haproxy.cfg. */
export function balancerConfig({ port, apps, cookieName, sticky }: BalancerOptions): string {
  const rules = apps.map(
    ({ route }) =>
      `    use-server ${route} if { req.cook(${cookieName}) -m reg [.]${route}[.][^.]*$ }`,
  )
  const servers = apps.map(({ route, port }) => `    server ${route} 127.0.0.1:${port}`)
  return `global
    maxconn 4000

defaults
    mode http
    timeout connect 1s
    timeout client 30s
    timeout server 30s
    timeout http-keep-alive 60s
    timeout check 1s
    # An app server may close an idle connection just when a request is put on it (Node does so
    # after 5 s), and such a request must not be repeated: so each one gets a connection of its own.
    option http-server-close
    # A request that could not be handed to its app server goes to the next one at once.
    retries 3
    option redispatch 1

frontend visitors
    bind 127.0.0.1:${port}
    default_backend apps

backend apps
    balance roundrobin
    option httpchk GET /health
    http-check expect status 200
    default-server check inter 200ms fall 2 rise 1
${[...(sticky ? rules : []), ...servers].join('\n')}
`
}
