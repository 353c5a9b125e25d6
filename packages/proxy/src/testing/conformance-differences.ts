/**
 * Where the proxy's answers differ from memcached 1.6.18's, each with its reason. The suite checks
 * both sides of every row; docs/reference/memcached-differences.md is made from it.
 */
import type { ConformanceBackend, DocumentedDifference } from './conformance-case.ts'

const LONG_KEY = 'k'.repeat(251)
const OWN_STORES: readonly ConformanceBackend[] = ['engines', 'embedded', 'valkey']

export const DOCUMENTED_DIFFERENCES: readonly DocumentedDifference[] = [
  {
    request: 'set a 4294967296 0 1\r\nx\r\n',
    memcached: 'STORED\r\n',
    holdfast: 'CLIENT_ERROR bad command line format\r\nERROR\r\n',
    why: 'flags beyond 32 bits are refused, not cut',
  },
  {
    request: 'gat 1\r\n',
    memcached: 'END\r\n',
    holdfast: 'ERROR\r\n',
    why: 'a gat without a key is an error, as a get without one is',
  },
  {
    request: 'get \x01\r\n',
    memcached: 'END\r\n',
    holdfast: 'CLIENT_ERROR bad command line format\r\n',
    why: 'keys with control characters are refused, as the protocol document demands; in base64 and in the binary protocol they are welcome',
  },
  {
    request: 'cache_memlimit 64\r\n',
    memcached: 'OK\r\n',
    holdfast: 'ERROR\r\n',
    why: 'a proxy has no cache of its own; memory is the bucket’s quota',
  },
  {
    request: 'lru tune 10 25 0.1 2.0\r\n',
    memcached: 'OK\r\n',
    holdfast: 'ERROR\r\n',
    why: 'the engine has its own eviction',
  },
  {
    request: `cas ${LONG_KEY} 0 0 1 1\r\nx\r\n`,
    memcached: 'CLIENT_ERROR bad command line format\r\nERROR\r\n',
    holdfast: 'CLIENT_ERROR bad command line format\r\n',
    why: 'the value behind a key that is too long is skipped, not read as a command; so for all stores, also in meta',
  },
  {
    request: 'ms a 1 F4294967296\r\nx\r\n',
    memcached: 'HD\r\n',
    holdfast: 'CLIENT_ERROR bad command line format\r\n',
    why: 'flags beyond 32 bits are refused, not cut; in meta as well',
  },
  {
    before: 'set a 0 4102444800 1\r\nx\r\n',
    request: 'get a\r\n',
    memcached: 'END\r\n',
    holdfast: 'VALUE a 0 1\r\nx\r\nEND\r\n',
    why: 'expiry times after 2038 are in the future; memcached takes them for the past',
    over: OWN_STORES,
  },
  {
    request: 'ma a N0 J5 q\r\n',
    memcached: 'HD\r\n',
    holdfast: '',
    why: 'a quiet ma that makes its counter is as quiet as one that finds it',
    over: OWN_STORES,
  },
  {
    before: 'ms Zm9v 1 b\r\nx\r\n',
    request: 'mg foo k\r\n',
    memcached: 'HD kZm9v b\r\n',
    holdfast: 'HD kfoo\r\n',
    why: 'a key goes back in base64 if the request had it so; memcached remembers how the item was stored',
  },
]

/** What a backend answers to meta commands that its servers' protocol has no words for. */
export const UNSAYABLE_LINE = 'SERVER_ERROR not supported by a binary downstream'

/** Meta conversations that cannot be held over memcached by binary: each meets `UNSAYABLE_LINE`. */
export const UNSAYABLE_CASES: readonly string[] = [
  'mg: return flags in the order asked',
  'mg: ttl',
  'mg: accessed before',
  'mg: vivify',
  'mg: recache',
  'mg: recache without a ttl',
  'ms: an older CAS may store a stale item',
  'ms: ttl',
  'md: invalidate',
  'md: invalidate with compare',
  'ma',
  'ma: makes a counter',
  'me of nothing',
]
