// The dependency rule of the architecture, judged from what files import and what package.json
// files declare: protocol, topology <- client <- proxy, session, cluster; those three meet only on
// the wire; the command line stands above proxy and cluster. Further: no cycle between files (types
// alone do not make one: they are erased), no way into another package but its exports, no
// undeclared or unused dependency, and the codec packages touch neither sockets nor files. Pure: it
// is given the files.
import { posix } from 'node:path'

const LOWER_PACKAGES: Readonly<Record<string, readonly string[]>> = {
  protocol: [],
  topology: [],
  client: ['protocol', 'topology'],
  proxy: ['protocol', 'topology', 'client'],
  session: ['protocol', 'topology', 'client'],
  cluster: ['protocol', 'topology', 'client'],
  console: [],
  holdfast: ['protocol', 'client', 'proxy', 'session', 'cluster', 'console'],
}
/** Built into one bundle: what it imports is there when it is built, and only then. */
const BUNDLED_PACKAGES = new Set(['console'])
const PURE_PACKAGES = new Set(['protocol', 'topology'])
const BUILTINS_OF_PURE_PACKAGES = new Set(['node:crypto', 'node:buffer'])

interface Import {
  readonly from: string
  readonly specifier: string
}

/** Every breach of the rule as one line of text; none for a clean tree. */
export function findDependencyBreaches(files: ReadonlyMap<string, string>): string[] {
  const imports = [...files].flatMap(([from, text]) =>
    isCode(from) ? importsOf(text).map((specifier) => ({ from, specifier })) : [],
  )
  return [
    ...imports.flatMap((entry) => judgeImport(entry)),
    ...[...files].flatMap(([path, text]) => judgeManifest(path, text, imports)),
    ...cyclesBetween(files),
  ]
}

/** The specifiers of all static and dynamic imports and re-exports of a TypeScript text. */
export function importsOf(text: string): string[] {
  const code = text.replaceAll(/^\s*(?:\/\/|\*|\/\*).*$/gm, '')
  const statements = code.matchAll(/^\s*(?:import|export)\s[^'"`;=]*?from\s*['"]([^'"]+)['"]/gm)
  const bare = code.matchAll(/(?:^\s*import\s+|\bimport\(\s*)['"]([^'"]+)['"]/gm)
  return [...statements, ...bare].map((match) => match[1] ?? '')
}

function judgeImport({ from, specifier }: Import): string[] {
  const own = packageOf(from)
  if (own === undefined) return []
  if (specifier.startsWith('.')) {
    const target = posix.join(posix.dirname(from), specifier)
    const inside = packageOf(target) === own
    return inside ? [] : [`${from} reaches out of its package: ${specifier}`]
  }
  const other = specifier.match(/^@?holdfast(?:\/([a-z]+))?(?:\/(.+))?$/)
  if (other !== null) {
    const name = other[1] ?? 'holdfast'
    if (other[2]?.startsWith('src') || other[2]?.startsWith('dist')) {
      return [`${from} imports inside another package: ${specifier}`]
    }
    const allowed = name === own || LOWER_PACKAGES[own]?.includes(name)
    return allowed ? [] : [`${from} may not import ${specifier}`]
  }
  const impure =
    PURE_PACKAGES.has(own) &&
    !isTest(from) &&
    specifier.startsWith('node:') &&
    !BUILTINS_OF_PURE_PACKAGES.has(specifier)
  return impure ? [`${from} is of a pure package and may not import ${specifier}`] : []
}

function judgeManifest(path: string, text: string, imports: readonly Import[]): string[] {
  const own = path.match(/^packages\/([a-z]+)\/package\.json$/)?.[1]
  if (own === undefined) return []
  const lower = LOWER_PACKAGES[own]
  if (lower === undefined) return [`${path}: the dependency rule does not name this package`]
  const manifest = JSON.parse(text) as Record<string, Record<string, string> | undefined>
  const { dependencies, devDependencies } = manifest
  const isBundled = BUNDLED_PACKAGES.has(own)
  const declared = new Set(Object.keys((isBundled ? devDependencies : dependencies) ?? {}))
  const forPeers = new Set(Object.keys(manifest.peerDependencies ?? {}))
  const ours = imports.filter(({ from }) => packageOf(from) === own && !isTest(from))
  const used = new Set(ours.map(({ specifier }) => packageName(specifier)))
  used.delete(own === 'holdfast' ? 'holdfast' : `@holdfast/${own}`)
  used.delete(undefined)
  const breaches: string[] = []
  for (const name of declared) {
    const sibling = name.match(/^@holdfast\/(.+)$/)?.[1]
    if (sibling !== undefined && !lower.includes(sibling)) {
      breaches.push(`${path} may not depend on ${name}`)
    }
    if (!used.has(name)) breaches.push(`${path} declares ${name}, which nothing imports`)
  }
  for (const name of used) {
    if (name !== undefined && !declared.has(name) && !forPeers.has(name)) {
      breaches.push(`${path} does not declare ${name}, which its files import`)
    }
  }
  return breaches
}

function cyclesBetween(files: ReadonlyMap<string, string>): string[] {
  const targets = new Map<string, string[]>()
  for (const [from, text] of files) {
    if (!isCode(from)) continue
    const erased = text.replaceAll(
      /^\s*(?:import|export)\s+type\s[^;]*?from\s*['"][^'"]+['"]/gm,
      '',
    )
    const found = importsOf(erased)
      .filter((specifier) => specifier.startsWith('.'))
      .map((specifier) => posix.join(posix.dirname(from), specifier))
      .filter((target) => files.has(target))
    targets.set(from, found)
  }
  const done = new Set<string>()
  const cycles: string[] = []
  const visit = (path: string, trail: readonly string[]): void => {
    const start = trail.indexOf(path)
    if (start >= 0) cycles.push(`cycle: ${[...trail.slice(start), path].join(' -> ')}`)
    if (start >= 0 || done.has(path)) return
    for (const target of targets.get(path) ?? []) visit(target, [...trail, path])
    done.add(path)
  }
  for (const path of targets.keys()) visit(path, [])
  return cycles
}

function packageOf(path: string): string | undefined {
  return path.match(/^packages\/([a-z]+)\//)?.[1]
}

/** The npm package of a bare specifier; undefined for relative ones and Node's own modules. */
function packageName(specifier: string): string | undefined {
  if (specifier.startsWith('.') || specifier.startsWith('node:')) return undefined
  return specifier.match(/^(?:@[^/]+\/)?[^/]+/)?.[0]
}

function isCode(path: string): boolean {
  return path.endsWith('.ts') || path.endsWith('.tsx')
}

function isTest(path: string): boolean {
  return path.includes('.test.') || path.includes('/testing/') || path.includes('/test-support/')
}
