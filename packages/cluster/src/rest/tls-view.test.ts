import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { test } from 'node:test'
import { tlsView } from './tls-view.ts'

const DAY_MS = 86_400_000

test('a certificate shows who it is for, who vouches, and for how long', () => {
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', '-']
  const subject = ['-subj', '/O=Shop/CN=store.example', '-days', '30', '-out', '-']
  const pem = execFileSync('openssl', ['req', '-x509', ...key, ...subject], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const text = pem.toString()
  const certificate = new X509Certificate(text.slice(text.indexOf('-----BEGIN CERTIFICATE')))
  const nowMs = Date.parse(certificate.validTo) - 10.5 * DAY_MS
  assert.deepEqual(tlsView(18_091, certificate, nowMs), {
    ...{ enabled: true, port: 18_091, daysLeft: 10 },
    ...{ subject: 'O=Shop, CN=store.example', issuer: 'O=Shop, CN=store.example' },
    validTo: new Date(certificate.validTo).toISOString(),
  })
  assert.equal(tlsView(1, certificate, nowMs + 20 * DAY_MS).daysLeft, -10)
})

test('without TLS there is nothing to show', () => {
  const nothing = { port: null, subject: null, issuer: null, validTo: null, daysLeft: null }
  assert.deepEqual(tlsView(null, null, 0), { enabled: false, ...nothing })
})
