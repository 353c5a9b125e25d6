// Checks the documentation against the tree: every relative link leads to a file that exists and,
// when it names a heading, to a heading of that file; every `npm run` that a text names exists.
// Pure: it is given the texts, the paths that exist and the script names.
import { posix } from 'node:path'

export interface DocsContext {
  readonly exists: (path: string) => boolean
  readonly scripts: ReadonlySet<string>
}

/** Every dead link or unknown npm script as one line of text. */
export function findDocsBreaches(
  docs: ReadonlyMap<string, string>,
  context: DocsContext,
): string[] {
  return [...docs].flatMap(([path, text]) => [
    ...deadLinks(path, text, docs, context),
    ...unknownScripts(path, text, context),
  ])
}

function deadLinks(
  path: string,
  text: string,
  docs: ReadonlyMap<string, string>,
  { exists }: DocsContext,
): string[] {
  const breaches: string[] = []
  for (const [, link = ''] of withoutFences(text).matchAll(/\]\(([^)\s]+)\)/g)) {
    if (/^[a-z]+:/.test(link)) continue
    const [file = '', heading] = link.split('#')
    const target = file === '' ? path : posix.join(posix.dirname(path), file)
    if (!exists(target)) breaches.push(`${path}: no such file: ${link}`)
    else if (heading !== undefined && !anchorsOf(docs.get(target) ?? '').has(heading)) {
      breaches.push(`${path}: no such heading: ${link}`)
    }
  }
  return breaches
}

function unknownScripts(path: string, text: string, { scripts }: DocsContext): string[] {
  return [...text.matchAll(/\bnpm run ([a-z][\w:-]*(?: -w @?[\w/-]+)?)/g)]
    .map(([, name = '']) => name)
    .filter((name) => !scripts.has(name))
    .map((name) => `${path}: no such npm script: ${name}`)
}

/** The anchors that a renderer makes of a text's headings. */
function anchorsOf(text: string): Set<string> {
  const headings = withoutFences(text).matchAll(/^#{1,6} +(.+)$/gm)
  return new Set(
    [...headings].map(([, heading = '']) =>
      heading
        .trim()
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
        .replaceAll(/\s/g, '-'),
    ),
  )
}

function withoutFences(text: string): string {
  return text.replaceAll(/^```[\s\S]*?^```/gm, '')
}
