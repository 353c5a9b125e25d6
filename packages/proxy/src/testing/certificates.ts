/** Certificates for tests, made by openssl: an authority, and what it has signed. */
import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** Files of one certificate. */
export interface CertificateFiles {
  certFile: string
  keyFile: string
}

/** Makes an authority in the folder. */
export async function createAuthority(folder: string, name: string): Promise<CertificateFiles> {
  const files = filesOf(folder, name)
  await openssl(
    'req',
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    '-days',
    '2',
    '-subj',
    `/CN=${name}`,
    '-keyout',
    files.keyFile,
    '-out',
    files.certFile,
  )
  return files
}

/** Makes a certificate for 127.0.0.1 that the authority signs. */
export async function createCertificate(
  folder: string,
  name: string,
  authority: CertificateFiles,
): Promise<CertificateFiles> {
  const files = filesOf(folder, name)
  const request = join(folder, `${name}.csr`)
  const extensions = join(folder, `${name}.ext`)
  await writeFile(extensions, 'subjectAltName=IP:127.0.0.1,DNS:localhost\n')
  await openssl(
    'req',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    '-subj',
    `/CN=${name}`,
    '-keyout',
    files.keyFile,
    '-out',
    request,
  )
  await openssl(
    'x509',
    '-req',
    '-days',
    '2',
    '-in',
    request,
    '-extfile',
    extensions,
    '-CA',
    authority.certFile,
    '-CAkey',
    authority.keyFile,
    '-CAcreateserial',
    '-out',
    files.certFile,
  )
  return files
}

function filesOf(folder: string, name: string): CertificateFiles {
  return { certFile: join(folder, `${name}.crt`), keyFile: join(folder, `${name}.key`) }
}

async function openssl(...args: string[]): Promise<void> {
  await run('openssl', args)
}
