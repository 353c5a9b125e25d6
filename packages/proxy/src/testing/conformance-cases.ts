/**
 * Conversations that memcached and the proxy must answer alike, and the table of those where they
 * differ on purpose. Each step is sent whole; `{cas}` stands for the CAS last seen in a reply.
 */

/** One conversation on a fresh connection with an empty store. */
export interface ConformanceCase {
  name: string
  steps: readonly string[]
}

function steps(name: string, ...lines: string[]): ConformanceCase {
  return { name, steps: lines.map((line) => `${line}\r\n`) }
}

const KEY_250 = 'k'.repeat(250)
const BIG = 'x'.repeat(1_500_000)

export const CONFORMANCE_CASES: readonly ConformanceCase[] = [
  steps('set and get', 'set a 5 0 3\r\nabc', 'get a', 'get a b', 'get b'),
  steps('flags up to 2^32 - 1', 'set a 4294967295 0 1\r\nx', 'get a'),
  steps('an empty value', 'set a 0 0 0\r\n', 'get a', 'append a 0 0 1\r\nx', 'get a'),
  steps('a value with line ends', 'set a 0 0 6\r\na\r\n\r\nb', 'get a'),
  steps('a value above 1 MB', `set big 0 0 ${BIG.length}\r\n${BIG}`, 'get big'),
  steps('add', 'add a 1 0 1\r\nx', 'add a 2 0 1\r\ny', 'get a'),
  steps('replace', 'replace a 1 0 1\r\nx', 'set a 1 0 1\r\nx', 'replace a 2 0 1\r\ny', 'get a'),
  steps('append', 'append a 9 0 1\r\nx', 'set a 1 0 1\r\nx', 'append a 9 0 2\r\nyz', 'get a'),
  steps('prepend', 'prepend a 9 0 1\r\nx', 'set a 1 0 1\r\nx', 'prepend a 9 0 2\r\nyz', 'get a'),
  steps(
    'cas',
    'cas a 0 0 1 1\r\nx',
    'set a 0 0 1\r\nx',
    'gets a',
    'cas a 3 0 2 {cas}\r\nyy',
    'cas a 4 0 2 {cas}\r\nzz',
    'gets a b',
    'cas a 0 0 1 99999999999999999999\r\nx',
  ),
  steps(
    'a write changes the cas',
    'set a 0 0 1\r\n1',
    'gets a',
    'incr a 1',
    'cas a 0 0 1 {cas}\r\nx',
  ),
  steps(
    'touch keeps the cas',
    'set a 0 0 1\r\n1',
    'gets a',
    'touch a 100',
    'cas a 0 0 1 {cas}\r\nx',
  ),
  steps('delete', 'delete a', 'set a 0 0 1\r\nx', 'delete a', 'delete a', 'get a'),
  steps(
    'delete with a zero',
    'set a 0 0 1\r\nx',
    'delete a 0',
    'delete a 10',
    'delete a 0 noreply',
    'get a',
  ),
  steps(
    'incr and decr',
    'incr a 1',
    'set a 7 0 2\r\n10',
    'incr a 5',
    'decr a 6',
    'get a',
    'decr a 100',
    'get a',
  ),
  steps('incr grows the value', 'set a 0 0 2\r\n99', 'incr a 1', 'get a'),
  steps('incr wraps', 'set a 0 0 20\r\n18446744073709551615', 'incr a 1', 'get a'),
  steps('incr by the largest', 'set a 0 0 1\r\n5', 'incr a 18446744073709551615', 'get a'),
  steps(
    'numbers beyond 2^53',
    'set a 0 0 16\r\n9007199254740993',
    'incr a 9007199254740993',
    'decr a 1',
  ),
  steps('incr of text', 'set a 0 0 3\r\nabc', 'incr a 1', 'decr a 1', 'get a'),
  steps(
    'incr of an odd number',
    'set a 0 0 3\r\n 12',
    'incr a 1',
    'set a 0 0 5\r\n12 ab',
    'incr a 1',
    'get a',
  ),
  steps('incr of a negative number', 'set a 0 0 2\r\n-1', 'incr a 1'),
  steps('incr of nothing', 'set a 0 0 0\r\n', 'incr a 1'),
  steps(
    'incr with a bad amount',
    'set a 0 0 1\r\n1',
    'incr a x',
    'incr a -1',
    'incr a',
    'incr a 1 noreply',
    'get a',
  ),
  steps('incr of a number above 2^64', 'set a 0 0 20\r\n18446744073709551616', 'incr a 1'),
  steps(
    'touch',
    'touch a 0',
    'set a 0 0 1\r\nx',
    'touch a 0',
    'touch a 100',
    'get a',
    'touch a',
    'touch a x',
  ),
  steps('touch into the past', 'set a 0 0 1\r\nx', 'touch a -1', 'get a', 'touch a 100'),
  steps(
    'gat',
    'gat 100 a',
    'set a 1 0 1\r\nx',
    'set b 2 0 1\r\ny',
    'gat 100 a',
    'gat 0 a b c',
    'gats 100 b',
  ),
  steps('gat into the past', 'set a 1 0 1\r\nx', 'gat -1 a', 'get a'),
  steps('gat badly', 'gat', 'gat x a'),
  steps('expired at once', 'set a 0 -1 1\r\nx', 'get a', 'set a 0 2592001 1\r\nx', 'get a'),
  steps('add over expired', 'set a 0 -1 1\r\nx', 'add a 0 0 1\r\ny', 'get a'),
  steps(
    'add expired',
    'add a 0 -1 1\r\nx',
    'get a',
    'set a 0 0 1\r\nx',
    'add a 0 -1 1\r\ny',
    'get a',
  ),
  steps('replace by expired', 'set a 0 0 1\r\nx', 'replace a 0 -1 1\r\ny', 'get a'),
  steps('cas to expired', 'set a 0 0 1\r\nx', 'gets a', 'cas a 0 -1 1 {cas}\r\ny', 'get a'),
  steps('append keeps flags', 'set a 77 0 1\r\nx', 'append a 1 0 1\r\ny', 'incr a 1', 'get a'),
  steps(
    'get of many with duplicates',
    'set a 1 0 1\r\nx',
    'set b 2 0 1\r\ny',
    'get b a nope a b',
    'gets nope',
  ),
  steps('get without a key', 'get', 'gets', 'get  '),
  steps(
    'a long key',
    `set ${KEY_250} 0 0 1\r\nx`,
    `get ${KEY_250}`,
    `get ${KEY_250}k`,
    `delete ${KEY_250}k`,
  ),
  steps(
    'noreply',
    'set a 0 0 1 noreply\r\nx',
    'add a 0 0 1 noreply\r\ny',
    'incr a 1 noreply',
    'touch a 0 noreply',
    'get a',
  ),
  steps(
    'noreply that finds nothing',
    'delete a noreply',
    'replace a 0 0 1 noreply\r\nx',
    'incr a 1 noreply',
    'get a',
  ),
  steps('a bad data chunk', 'set a 0 0 3\r\nabcdef', 'get a'),
  steps('a bad command line', 'set a b c d', 'set a 0 0', 'set a 0 0 -1', 'cas a 0 0 1', 'get a'),
  steps('unknown commands', 'foo', 'GET a', 'getx a', ''),
  steps('verbosity', 'verbosity 1', 'verbosity', 'verbosity 1 noreply'),
  steps(
    'flush_all',
    'set a 0 0 1\r\nx',
    'flush_all',
    'get a',
    'set a 0 0 1\r\nx',
    'flush_all 0',
    'get a',
  ),
  steps('flush_all quietly', 'set a 0 0 1\r\nx', 'flush_all noreply', 'get a', 'flush_all x'),
  steps('flush_all later', 'set a 0 0 1\r\nx', 'flush_all 1000', 'get a'),
  steps(
    'keys of any bytes',
    'set \xe9\xff{x} 0 0 1\r\nx',
    'get \xe9\xff{x}',
    'set {a}{b} 0 0 1\r\ny',
    'get {a}{b}',
  ),
  {
    name: 'everything pipelined',
    steps: [
      'set a 0 0 1\r\n1\r\nget a\r\nincr a 4\r\nget a b\r\nset b 0 0 1 noreply\r\nx\r\nget b a\r\ndelete a\r\nget a\r\nadd a 0 0 1\r\ny\r\ngat 0 a\r\n',
    ],
  },
  { name: 'line feeds alone', steps: ['set a 0 0 1\nx\r\nget a\n'] },
  { name: 'quit in the middle', steps: ['set a 0 0 1\r\nx\r\nquit\r\nget a\r\n'] },
]

/** Where the answers differ, and why. */
export interface DocumentedDifference {
  request: string
  memcached: string
  holdfast: string
  why: string
}

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
    why: 'keys with control characters are refused, as the protocol document demands',
  },
  {
    request: 'mn\r\n',
    memcached: 'MN\r\n',
    holdfast: 'ERROR\r\n',
    why: 'meta commands are not served',
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
]
