/** The files that a listener with TLS is made from, read when it opens and when it reloads. */
import { readFile } from 'node:fs/promises'
import { createSecureContext, type SecureContextOptions, type TlsOptions } from 'node:tls'

/** PEM files of a listener. */
export interface TlsFiles {
  certFile: string
  keyFile: string
  /** Authorities that client certificates are checked against. */
  caFile?: string | undefined
  /** Clients without a certificate of such an authority are refused. */
  requireClientCertificate?: boolean | undefined
}

/**
 * Reads and checks the files.
 *
 * @throws when a file is missing, or key and certificate do not belong together
 */
export async function readTlsFiles(files: TlsFiles): Promise<TlsOptions> {
  const [cert, key, ca] = await Promise.all([
    readFile(files.certFile),
    readFile(files.keyFile),
    files.caFile === undefined ? undefined : readFile(files.caFile),
  ])
  const context: SecureContextOptions = { cert, key, ...(ca === undefined ? {} : { ca }) }
  createSecureContext(context)
  const wantsCertificate = files.requireClientCertificate ?? false
  return { ...context, requestCert: wantsCertificate, rejectUnauthorized: wantsCertificate }
}
