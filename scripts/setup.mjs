// All the set-up that `npm start`, `npm test` and `npm run check` need, done by themselves from a
// bare clone on a machine with only Node >= 20, npm and (for system programs) apt: npm packages,
// the pinned Node, the compiled TypeScript, the console, and the engine, HAProxy, memcached and a
// browser. It says what it does, does only what is missing, and takes about a second when nothing
// is. Plain JavaScript without dependencies, because it runs before there are any.
//
// `node scripts/setup.mjs [start|test|bench|check]`: the purpose says which system programs are
// wanted.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { findEngine, findProgram } from './programs.mjs'

const NODE_MAJOR_MIN = 20
const NPM_TIMEOUT_MS = 15 * 60_000
const APT_TIMEOUT_MS = 10 * 60_000
const BUILD_TIMEOUT_MS = 5 * 60_000

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const consoleFolder = join(root, 'packages', 'console')
const pinnedNode = join(root, 'node_modules', '.bin', 'node')

const wantedPrograms = {
  start: [
    engineProgram(),
    program('haproxy', 'the load balancer of the demo', 'the apps are then used directly'),
  ],
  test: [
    engineProgram(),
    program('haproxy', 'the load balancer of the tests', 'the tests that need it are skipped'),
    program(
      'memcached',
      'the reference of the protocol tests',
      'the tests that need it are skipped',
    ),
    program('chromium', "the browser of the console's tests", 'the tests that need it are skipped'),
  ],
  bench: [
    engineProgram(),
    program('memcached', 'a backend of the benchmarks', 'they cannot run'),
    program('nutcracker', 'the peer of the benchmarks', 'the proxy has nothing to compare with'),
    program('wrk', 'the load on web servers', 'the suite of sessions cannot run'),
    compiler(),
  ],
  check: [],
}

/**
 * Makes the working tree ready for `purpose` and returns the path of the pinned Node. Throws with
 * the reason when the npm packages, the pinned Node or the build cannot be made.
 */
export function setUp(purpose = 'check') {
  requireNodeVersion()
  installPackages()
  installPinnedNode()
  build()
  installPrograms(wantedPrograms[purpose] ?? [])
  return pinnedNode
}

function requireNodeVersion() {
  const major = Number(process.versions.node.split('.')[0])
  if (major < NODE_MAJOR_MIN) {
    throw new Error(`Node ${NODE_MAJOR_MIN} or later is needed, this is ${process.version}`)
  }
}

function installPackages() {
  const stampPath = join(root, 'node_modules', '.holdfast-setup.json')
  const lock = read('package-lock.json')
  const stamp = JSON.stringify({ lockSha256: createHash('sha256').update(lock).digest('hex') })
  if (existsSync(stampPath) && readFileSync(stampPath, 'utf8') === stamp) return
  if (!isInstalled(JSON.parse(lock))) {
    say('npm packages are missing or not those of package-lock.json: npm ci')
    installFromLock()
  }
  writeFileSync(stampPath, stamp)
}

// A registry that mirrors only some platforms makes npm refuse a lock file it would accept
// elsewhere; `npm install` then installs the same locked versions without touching the lock file.
function installFromLock() {
  const quiet = ['--loglevel=error', '--no-audit', '--no-fund']
  try {
    run('npm', ['ci', ...quiet], NPM_TIMEOUT_MS)
  } catch (error) {
    say(`${error.message}: npm install`)
    run('npm', ['install', '--no-save', ...quiet], NPM_TIMEOUT_MS)
  }
}

/** Whether npm's own record of node_modules holds every package that the lock file asks for. */
function isInstalled(lock) {
  const recordPath = join('node_modules', '.package-lock.json')
  if (!existsSync(join(root, recordPath))) return false
  const installed = JSON.parse(read(recordPath)).packages
  return Object.entries(lock.packages)
    .filter(([path, { optional }]) => path.startsWith('node_modules/') && optional !== true)
    .every(([path, { version }]) => path in installed && installed[path].version === version)
}

// The npm package `node` fetches the runtime in an install script, and npm >= 11 may hold install
// scripts back in spite of the allowScripts of package.json (a user's own setting can forbid it).
function installPinnedNode() {
  const version = `v${JSON.parse(read('package.json')).devDependencies.node}`
  if (pinnedNodeVersion() === version) return
  say(`the pinned Node ${version} is missing: running the installer of the npm package "node"`)
  const folder = join(root, 'node_modules', 'node')
  run(process.execPath, ['installArchSpecificPackage.js'], NPM_TIMEOUT_MS, { cwd: folder })
  if (!existsSync(pinnedNode)) run('npm', ['rebuild', 'node', '--ignore-scripts'], NPM_TIMEOUT_MS)
  const installed = pinnedNodeVersion()
  if (installed !== version) {
    throw new Error(`${pinnedNode} should be Node ${version} but is ${installed ?? 'not runnable'}`)
  }
}

function pinnedNodeVersion() {
  const { status, stdout } = spawnSync(pinnedNode, ['--version'], { encoding: 'utf8' })
  return status === 0 ? stdout.trim() : undefined
}

function build() {
  const compiled = existsSync(join(root, 'packages', 'holdfast', 'dist', 'main.js'))
  if (!compiled) say('building: tsc -b')
  run(join(root, 'node_modules', '.bin', 'tsc'), ['-b'], BUILD_TIMEOUT_MS)
  buildConsole()
}

// The pinned Node runs the bundler: it asks for a later one than a machine may have.
function buildConsole() {
  const stampPath = join(consoleFolder, 'dist', '.sources')
  const stamp = consoleStamp()
  if (existsSync(stampPath) && readFileSync(stampPath, 'utf8') === stamp) return
  say('building the console: vite build')
  const vite = join(root, 'node_modules', 'vite', 'bin', 'vite.js')
  run(pinnedNode, [vite, 'build', '--logLevel=warn'], BUILD_TIMEOUT_MS, { cwd: consoleFolder })
  writeFileSync(stampPath, stamp)
}

/** Changes with every file that the console is built from. */
function consoleStamp() {
  const hash = createHash('sha256').update(read('package-lock.json'))
  const sources = readdirSync(join(consoleFolder, 'src'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
  const own = ['index.html', 'vite.config.ts', 'package.json'].map((n) => join(consoleFolder, n))
  for (const path of [...own, ...sources].sort()) hash.update(path).update(readFileSync(path))
  return hash.digest('hex')
}

function engineProgram() {
  return {
    names: ['valkey-server', 'redis-server'],
    package: 'redis-server',
    why: 'the engine of the store nodes (valkey-server or redis-server)',
    without: 'there are then no store nodes: a proxy with the embedded store serves alone',
    find: findEngine,
  }
}

function program(name, why, without) {
  return {
    names: [name],
    package: name,
    why: `${name}, ${why}`,
    without,
    find: () => findProgram(name),
  }
}

function compiler() {
  return {
    names: ['gcc'],
    package: 'gcc libc6-dev',
    why: 'gcc, for the load generator of the benchmarks',
    without: 'the benchmarks cannot run',
    find: () => findProgram('gcc'),
  }
}

function installPrograms(wanted) {
  const missing = wanted.filter(({ find }) => find() === undefined)
  if (missing.length === 0) return
  for (const { why } of missing) say(`not found: ${why}`)
  const packages = missing.map((entry) => entry.package)
  const reason = aptIsImpossible()
  if (reason === undefined) aptInstall(packages)
  for (const { find, why, without } of missing) {
    if (find() === undefined) {
      say(`going on without ${why}: ${without}${reason === undefined ? '' : ` (${reason})`}`)
    }
  }
}

function aptIsImpossible() {
  if (process.env.HOLDFAST_NO_APT === '1') return 'HOLDFAST_NO_APT=1 forbids apt-get'
  if (findProgram('apt-get') === undefined) return 'there is no apt-get here'
  if (isRoot() || passwordlessSudo()) return undefined
  return 'apt-get needs root and sudo asks for a password'
}

function isRoot() {
  return process.getuid?.() === 0
}

function passwordlessSudo() {
  return findProgram('sudo') !== undefined && spawnSync('sudo', ['-n', 'true']).status === 0
}

// policy-rc.d keeps Debian from starting the packages' own services: Holdfast starts its own
// processes, on its own ports, as the user who runs it.
function aptInstall(packages) {
  say(`apt-get update; apt-get install ${packages.join(' ')} (their services are not started)`)
  const script = `set -e
    if [ ! -e /usr/sbin/policy-rc.d ]; then
      printf '#!/bin/sh\\nexit 101\\n' > /usr/sbin/policy-rc.d
      chmod 755 /usr/sbin/policy-rc.d
      trap 'rm -f /usr/sbin/policy-rc.d' EXIT
    fi
    export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1
    apt-get -qq -o DPkg::Lock::Timeout=60 update
    apt-get -qq -o DPkg::Lock::Timeout=60 install -y --no-install-recommends ${packages.join(' ')}`
  const [command, ...before] = isRoot() ? ['sh'] : ['sudo', '-n', 'sh']
  const { status } = spawnSync(command, [...before, '-c', script], {
    stdio: ['ignore', 'ignore', 'inherit'],
    timeout: APT_TIMEOUT_MS,
  })
  if (status !== 0) say('apt-get did not succeed')
}

function run(command, args, timeoutMs, options = {}) {
  const { status, error } = spawnSync(command, args, {
    cwd: root,
    stdio: 'inherit',
    timeout: timeoutMs,
    env: environmentWithoutLocalBins(),
    ...options,
  })
  if (status !== 0) {
    throw new Error(`${command} ${args.join(' ')} failed${error ? `: ${error.message}` : ''}`)
  }
}

// `npm start` puts node_modules/.bin first on PATH. npm itself must not run on the Node in there:
// `npm ci` deletes that folder under its feet.
function environmentWithoutLocalBins() {
  const local = join('node_modules', '.bin')
  const path = (process.env.PATH ?? '').split(delimiter).filter((folder) => !folder.endsWith(local))
  return { ...process.env, PATH: path.join(delimiter) }
}

function read(name) {
  return readFileSync(join(root, name), 'utf8')
}

function say(text) {
  process.stderr.write(`set-up: ${text}\n`)
}

/** Runs `setUp` and ends the process with the reason, not a stack trace, when it fails. */
export function setUpOrExit(purpose) {
  try {
    return setUp(purpose)
  } catch (error) {
    say(error.message)
    process.exit(1)
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) setUpOrExit(process.argv[2])
