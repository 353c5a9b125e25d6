/** The certificate that REST is served with, as the settings show it. Pure. */
import type { X509Certificate } from 'node:crypto'

const DAY_MS = 86_400_000

/** The answer of `/settings/tls`; without a certificate TLS is off. */
export function tlsView(
  port: number | null,
  certificate: X509Certificate | null,
  nowMs: number,
): Record<string, unknown> {
  if (port === null || certificate === null) {
    return {
      ...{ enabled: false, port: null, subject: null, issuer: null },
      ...{ validTo: null, daysLeft: null },
    }
  }
  const validToMs = Date.parse(certificate.validTo)
  return {
    enabled: true,
    port,
    subject: onOneLine(certificate.subject),
    issuer: onOneLine(certificate.issuer),
    validTo: new Date(validToMs).toISOString(),
    daysLeft: Math.floor((validToMs - nowMs) / DAY_MS),
  }
}

function onOneLine(name: string | undefined): string {
  return (name ?? '').split('\n').join(', ')
}
