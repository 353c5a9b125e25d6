import assert from 'node:assert/strict'
import { test } from 'node:test'
import { balancerConfig } from './balancer-config.ts'

const apps = [
  { route: 'app1', port: 3001 },
  { route: 'app2', port: 3002 },
]

test('a sticky balancer sends the route in the session cookie to its app server', () => {
  const text = balancerConfig({ port: 8080, apps, cookieName: 'connect.sid', sticky: true })
  const rule = text.match(/use-server app2 if \{ req\.cook\(connect\.sid\) -m reg (\S+) \}/)
  const pattern = new RegExp(rule?.[1] ?? 'no rule')
  assert.match('s%3AabcDEF-n1.app2.c2lnbmF0dXJl', pattern)
  assert.doesNotMatch('s%3AabcDEF-n1.app1.c2lnbmF0dXJl', pattern)
  assert.doesNotMatch('s%3AabcDEF-n1.app22.c2lnbmF0dXJl', pattern)
  assert.match(text, /server app1 127\.0\.0\.1:3001\n/)
  assert.match(text, /bind 127\.0\.0\.1:8080\n/)
})

test('without stickiness there is no rule for the cookie', () => {
  const text = balancerConfig({ port: 8080, apps, cookieName: 'connect.sid', sticky: false })
  assert.doesNotMatch(text, /use-server/)
})
