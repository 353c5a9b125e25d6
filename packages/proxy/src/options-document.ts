/**
 * docs/reference/proxy-options.md, made from the two tables of flags and settings. A test compares
 * the file with this text; `node packages/proxy/src/options-document.ts` writes it.
 */
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { PROXY_FLAGS } from './proxy-flags.ts'
import { PROXY_SETTINGS } from './proxy-settings.ts'

/** Where the document lies. */
export const OPTIONS_DOCUMENT: URL = new URL(
  '../../../docs/reference/proxy-options.md',
  import.meta.url,
)

/** The document's text. */
export function optionsDocument(): string {
  const flags = PROXY_FLAGS.map((entry) => {
    const { flag, long, argument, status, meaning } = entry
    const names = [flag, long].filter((name) => name !== '').map((name) => code(name))
    return row([[names.join(', '), argument].join(' ').trim(), status, meaning])
  })
  const settings = PROXY_SETTINGS.map(({ name, synonyms, defaultText, status, meaning }) => {
    const names = [name, ...synonyms].map(code).join(', ')
    return row([names, defaultText === '' ? '' : code(defaultText), status, meaning])
  })
  return `# Options of the proxy

The command \`holdfast proxy\` (or \`moxi\`) takes moxi's command line:

    holdfast proxy -Z port_listen=11311 http://HOST:8091/pools/default/bucketsStreaming/default

The last argument is the URL of the bucket's config, or several with commas between them; a URL
without a path means the bucket \`default\`. \`saslBucketsStreaming\` brings all buckets of a store,
chosen by login. \`PORT=HOST,HOST\` are plain memcached servers, \`valkey://HOST:PORT\` is someone's
own Valkey or Redis, \`embedded:DIR\` keeps everything in that folder on this machine. Whatever a
command line says a [configuration file](proxy-config.md) can say as well, and more.

Every long option is an environment variable too: \`--http-port\` is \`HOLDFAST_PROXY_HTTP_PORT\`. The
command line goes first. \`MOXI_SASL_PLAIN_USR\` and \`MOXI_SASL_PLAIN_PWD\` are the credentials for the
config servers when neither \`-Z\` nor \`auth=\` gives them; \`HOLDFAST_PROXY_TOKEN\`, a store's token for
proxies (\`holdfast proxy-token --create\`), when nothing else does.

It prints \`holdfast proxy ready HOST:PORT\` when it listens and has its first config. It ends with
SIGTERM or SIGINT: no new connections, what is outstanding is answered within 2 seconds. At SIGHUP
it reads its files anew and reopens its log.

## Flags

honoured: does what it says. ignored: accepted and without effect, for the reason given. refused:
an error at the start.

| flag | status | meaning |
|---|---|---|
${flags.join('')}
## Settings (-Z)

\`-Z key=value,key=value\`. A key that begins with \`#\` is a comment. An unknown key is reported and
the start goes on. So is one that is ignored, with the reason, unless it says moxi's default. The default is this proxy's for honoured settings, moxi's for ignored ones. Times
are in milliseconds.

| key | default | status | meaning |
|---|---|---|---|
${settings.join('')}`
}

function row(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |\n`
}

function code(text: string): string {
  return `\`${text}\``
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(OPTIONS_DOCUMENT, optionsDocument())
}
