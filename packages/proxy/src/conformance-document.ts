/**
 * docs/reference/memcached-differences.md, made from the table of documented differences. A test
 * compares the file with this text; `node packages/proxy/src/conformance-document.ts` writes it.
 */
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { DocumentedDifference } from './testing/conformance-case.ts'
import { DOCUMENTED_DIFFERENCES, UNSAYABLE_LINE } from './testing/conformance-differences.ts'

/** Where the document lies. */
export const DIFFERENCES_DOCUMENT: URL = new URL(
  '../../../docs/reference/memcached-differences.md',
  import.meta.url,
)

/** The longest run of one character that is shown as it is. */
const RUN_CHARS_MAX = 20

/** The document's text. */
export function differencesDocument(): string {
  return `# Where the proxy differs from memcached

One suite of conversations in text, meta and binary commands runs against memcached 1.6.18 and
against the proxy over each of its backends; the answers are the same to the byte but for CAS
values, which are numbers of the store's own. These are the exceptions. Each row is checked on both
sides.

| request | memcached | proxy | why | over |
|---|---|---|---|---|
${DOCUMENTED_DIFFERENCES.map(row).join('')}
The text of \`version\` and the contents of \`stats\` are the proxy's own. The CAS and the flags of a
binary reply are the store's. \`h\` and \`l\` of a meta get know of reads by meta commands; where a
plain get is a plain read of an engine, it leaves no trace. Memcached servers behind text or meta
take expiry times up to 2038 only; a binary request with a later one is refused.

The servers of a pool that are spoken to in binary, and vBucket buckets, have no words for what meta
asks beyond it: time to live, stale items, recache and vivify, access, debug. The answer is
\`${UNSAYABLE_LINE}\`.
`
}

function row({ before, request, memcached, holdfast, why, over }: DocumentedDifference): string {
  const asked = before === undefined ? shown(request) : `${shown(before)} then ${shown(request)}`
  const where = over === undefined ? 'all' : over.join(', ')
  return `| ${[asked, shown(memcached), shown(holdfast), why, where].join(' | ')} |\n`
}

/** Bytes as code; line ends inside are shown, the last one is not. */
function shown(text: string): string {
  if (text === '') return 'nothing'
  const runs = new RegExp(`(.)\\1{${RUN_CHARS_MAX},}`, 'g')
  const short = text.replace(runs, (run, char) => `${char}{${run.length}}`)
  const escaped = JSON.stringify(short.replace(/\r\n$/, '')).slice(1, -1)
  return `\`${escaped.replaceAll('|', '\\|')}\``
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(DIFFERENCES_DOCUMENT, differencesDocument())
}
