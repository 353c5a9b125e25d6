/**
 * The REST interface over TLS, on a port of its own: the same routes. The certificate is read again
 * when its file changes and on SIGHUP; one that cannot be used is logged and the old one stays.
 */
import { X509Certificate } from 'node:crypto'
import { unwatchFile, watchFile } from 'node:fs'
import { readFile } from 'node:fs/promises'
import type { RequestListener } from 'node:http'
import { createServer, type Server } from 'node:https'
import { createSecureContext } from 'node:tls'
import type { Logger } from 'pino'
import { NodeOptionError, type TlsOptions } from '../options.ts'

const WATCH_INTERVAL_MS = 2000
const PROTOCOL_MIN = 'TLSv1.2'

interface Certificate {
  cert: Buffer
  key: Buffer
}

export class TlsListener {
  readonly #options: TlsOptions
  readonly #log: Logger
  readonly #server: Server
  #certificate: X509Certificate
  readonly #onChange = (): void => void this.#reload()

  private constructor(options: TlsOptions, log: Logger, server: Server, cert: Buffer) {
    this.#options = options
    this.#log = log
    this.#server = server
    this.#certificate = new X509Certificate(cert)
  }

  /** The certificate that is served. */
  get certificate(): X509Certificate {
    return this.#certificate
  }

  /** Listens; throws `NodeOptionError` for files that cannot be used, and what a busy port throws. */
  static async listen(
    options: TlsOptions,
    host: string,
    serve: RequestListener,
    log: Logger,
  ): Promise<TlsListener> {
    const certificate = await readCertificate(options)
    const server = createServer({ ...certificate, minVersion: PROTOCOL_MIN }, serve)
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(options.port, host, () => {
        server.off('error', reject)
        resolve()
      })
    })
    server.on('error', (error) => log.error({ err: error }, 'TLS listener failed'))
    const listener = new TlsListener(options, log, server, certificate.cert)
    listener.#watch()
    return listener
  }

  async close(): Promise<void> {
    process.off('SIGHUP', this.#onChange)
    for (const file of this.#files()) unwatchFile(file, this.#onChange)
    const closed = new Promise((resolve) => this.#server.close(resolve))
    this.#server.closeAllConnections()
    await closed
  }

  #watch(): void {
    process.on('SIGHUP', this.#onChange)
    for (const file of this.#files()) {
      watchFile(file, { interval: WATCH_INTERVAL_MS, persistent: false }, this.#onChange)
    }
  }

  #files(): string[] {
    return [this.#options.certFile, this.#options.keyFile]
  }

  async #reload(): Promise<void> {
    try {
      const certificate = await readCertificate(this.#options)
      this.#server.setSecureContext({ ...certificate, minVersion: PROTOCOL_MIN })
      this.#certificate = new X509Certificate(certificate.cert)
      this.#log.info({ file: this.#options.certFile }, 'certificate read again')
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      this.#log.error({ reason }, 'certificate cannot be used, the old one stays')
    }
  }
}

/** Both files, checked to belong together. */
async function readCertificate({ certFile, keyFile }: TlsOptions): Promise<Certificate> {
  const [cert, key] = await Promise.all([
    readOption('--tls-cert', certFile),
    readOption('--tls-key', keyFile),
  ])
  try {
    createSecureContext({ cert })
  } catch (cause) {
    throw failure('--tls-cert', certFile, cause)
  }
  try {
    createSecureContext({ cert, key })
  } catch (cause) {
    throw failure('--tls-key', keyFile, cause)
  }
  return { cert, key }
}

async function readOption(option: string, file: string): Promise<Buffer> {
  try {
    return await readFile(file)
  } catch (cause) {
    throw failure(option, file, cause)
  }
}

function failure(option: string, file: string, cause: unknown): NodeOptionError {
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new NodeOptionError(`${option} ${file}: ${reason}`, { cause })
}
