/*
 * What memcached-session-manager's integration tests assert, and what they miss, line by line: how
 * it is tested here. The page docs/reference/original-test-list.md is made from this table; a test
 * compares the two and looks for each named test in its file.
 */
export interface TestedBehaviour {
  readonly behaviour: string
  /** `same`: tested as the original does; `rule`: by a rule of ours; `none`: does not apply. */
  readonly here: 'same' | 'rule' | 'none'
  /** The rule, or why it does not apply. */
  readonly note: string
  /** Files of tests, below packages/session/src or from the root, each with a part of a name. */
  readonly tests: readonly (readonly [file: string, name: string])[]
}

const IDS = 'original-behaviours/ids-and-expiry.system.test.ts'
const STORED = 'original-behaviours/storage-contents.system.test.ts'
const LOCKS = 'original-behaviours/locks-and-parallel.system.test.ts'
const STOPPED = 'original-behaviours/stopped-holder.system.test.ts'
const NODES = 'original-behaviours/nodes-and-failover.system.test.ts'
const COUNTS = 'original-behaviours/ignored-and-counts.system.test.ts'
const TAKEOVER = 'original-behaviours/takeover.system.test.ts'
const LEAKS = 'original-behaviours/leaks.system.test.ts'

export const TESTED_BEHAVIOURS: readonly TestedBehaviour[] = [
  {
    behaviour: 'a reload keeps attributes, a removed one stays removed',
    here: 'rule',
    note: 'there is no context reload; a server that is stopped and started anew has them from the store',
    tests: [[IDS, 'a server that starts anew knows what was set']],
  },
  {
    behaviour: 'the id carries the node; no dash with a bare address',
    here: 'same',
    note: '',
    tests: [[IDS, 'an id carries its node, and no dash']],
  },
  {
    behaviour: 'a malformed or forged id gives a fresh one',
    here: 'same',
    note: 'signed or not, with unknown nodes, control characters and key prefixes; never an error, never more than one question to a node',
    tests: [[IDS, 'an id that nobody made gives a fresh one']],
  },
  {
    behaviour: 'an expired id gives a different id',
    here: 'same',
    note: '',
    tests: [[IDS, 'then its id is over']],
  },
  {
    behaviour: 'the key is in the storage after creation, also with cookies off',
    here: 'rule',
    note: 'ids in URLs are not offered; a session is stored whether or not the client keeps its cookie, under its id without the route, without `validity:`',
    tests: [[STORED, 'a session is one key']],
  },
  {
    behaviour: 'the keys are gone after expiry and invalidation; no cookie in that response',
    here: 'rule',
    note: 'session, copy and lock go; a mark `gone:` stays for a while, where another server or node may still have the session',
    tests: [
      [STORED, 'after an invalidation no key is left'],
      [IDS, 'then its id is over'],
    ],
  },
  {
    behaviour: 'a timeout of 4 s, read at 2 s: alive at 5 s, then gone',
    here: 'same',
    note: 'never gone early; late by a second at most (the store’s clock), in sticky mode by the sweep of local memory',
    tests: [[IDS, 'a session of 4 s that is read at 2 s is there at 5 s']],
  },
  {
    behaviour: 'reads at 3 s and 6 s: alive at 9.5 s, gone at 11 s',
    here: 'same',
    note: '',
    tests: [[IDS, 'a session lives for its whole time after each read']],
  },
  {
    behaviour: 'a session made with the storage down has no node id and gets one later',
    here: 'rule',
    note: 'sticky as the original; non-sticky answers 503 and sets no cookie, as there would be no copy at all',
    tests: [[STORED, 'a session made with the storage down']],
  },
  {
    behaviour:
      'disabled at run time sessions work and expire locally; enabled later they are stored',
    here: 'same',
    note: 'sticky; refused for non-sticky sessions, as in the original',
    tests: [
      [STORED, 'at run time: sessions work and expire locally'],
      [STORED, 'switched on later, sessions are stored'],
      [STORED, 'is refused, as the store has the only copy'],
    ],
  },
  {
    behaviour: 'no time limit, and 15 days and a second: found after the primary is killed',
    here: 'same',
    note: 'and more than 30 days, where memcached reads an absolute time',
    tests: [
      [NODES, 'is found after its node died, and keeps its life'],
      [IDS, 'the store keeps a session without end'],
    ],
  },
  {
    behaviour: 'parallel long requests on one host, then a read on another, lose nothing',
    here: 'same',
    note: 'without locks too: changes are merged',
    tests: [
      [LOCKS, 'a long request beside one on the same host'],
      [LOCKS, 'is waited for by a read on another host'],
      [LOCKS, 'of parallel requests on one host each finds the session'],
    ],
  },
  {
    behaviour: 'a long request on one host beside one on another: all keys are there',
    here: 'same',
    note: 'sticky without locks too: the cookie’s foreign route brings a server’s copy up to date',
    tests: [[LOCKS, 'a long request on one host beside one on another']],
  },
  {
    behaviour: 'written on one, overwritten on another, read on the first: the new value',
    here: 'same',
    note: '',
    tests: [[LOCKS, 'what one host writes and another overwrites']],
  },
  {
    behaviour: 'requests learnt to be read-only, and URIs outside the pattern, run side by side',
    here: 'same',
    note: 'shown by requests that overlap, not by times',
    tests: [[LOCKS, 'two of them run side by side']],
  },
  {
    behaviour: 'a timeout of 1 s with reads each 0.5 s keeps the id',
    here: 'same',
    note: '',
    tests: [[IDS, 'with a life of 1 s a session that is read each 0.5 s']],
  },
  {
    behaviour:
      'session and validity on the primary, their copies on the secondary; both die in turn',
    here: 'rule',
    note: 'the time to live is the item’s own, so there is one key and one copy; also when only reads came between',
    tests: [
      [STORED, 'session and copy are on two nodes'],
      [NODES, 'its value is on the third'],
    ],
  },
  {
    behaviour: 'an ignored request: no gets, no sets; a later change is seen on the other host',
    here: 'same',
    note: '',
    tests: [[COUNTS, 'an ignored request costs nothing']],
  },
  {
    behaviour: 'basic and form login carried over; begun on one host, finished on another',
    here: 'rule',
    note: 'a login is attributes, which frameworks keep; the id changes at login and keeps what it is told to',
    tests: [
      [TAKEOVER, 'finishes a login that was begun at the first'],
      [TAKEOVER, 'keeps the login, and what is changed while it takes over'],
      ['express/drop-in.system.test.ts', 'passport logs in and out'],
    ],
  },
  {
    behaviour: 'the operation counts',
    here: 'rule',
    note: 'as the original or fewer: a non-sticky read is 1 operation in the place of 4, a takeover 1 get and 1 set (the key stays)',
    tests: [
      [COUNTS, 'a request without a session costs nothing'],
      [COUNTS, 'creating a session is one set'],
      [COUNTS, 'what leaves a session as it is writes nothing'],
      [COUNTS, 'a change is one set'],
      [COUNTS, 'sets over a takeover: 1, 2, again 2, then 3'],
      [COUNTS, 'the second node has one operation for each, the third none'],
      [COUNTS, 'a login and a POST after it'],
      [COUNTS, 'requests are counted as the original does'],
    ],
  },
  {
    behaviour:
      'a node killed, two of three, all: same sid, another node, told once; all: served locally',
    here: 'rule',
    note: 'non-sticky with all nodes away: 503 under the kept id (or `loadFailure: degrade`)',
    tests: [[NODES, 'one, two, all of three']],
  },
  {
    behaviour: 'failover nodes are used without repeated cookies, and left again',
    here: 'same',
    note: 'non-sticky copies are kept on primaries only, so there a session lives on only with a second primary',
    tests: [[NODES, 'a session goes to the failover node, and back']],
  },
  {
    behaviour: 'node lists changed at run time are used next',
    here: 'same',
    note: 'a non-sticky session whose node is configured no more goes on from its copy',
    tests: [[NODES, 'nodes changed at run time are what the next request uses']],
  },
  {
    behaviour:
      'takeover: old key gone, new present, route replaced, attribute kept, listeners told the new id',
    here: 'rule',
    note: 'the route is no part of the key, so the one key stays',
    tests: [
      [TAKEOVER, 'takes over: the route is replaced'],
      [TAKEOVER, 'serves the session under the same id'],
    ],
  },
  {
    behaviour: 'a backup without a node id is a failure',
    here: 'same',
    note: '',
    tests: [[STORED, 'a session made with the storage down']],
  },
  {
    behaviour: 'reference counting of parallel requests',
    here: 'rule',
    note: 'nothing is counted: each request holds its own copy, or in sticky mode the one in memory',
    tests: [
      [LOCKS, 'of parallel requests on one host each finds the session'],
      [LOCKS, 'the session does not come back'],
    ],
  },
  {
    behaviour: 'URL rewriting, context reload, activation listeners, Java serialisation',
    here: 'none',
    note: 'of the servlet container',
    tests: [],
  },
  {
    behaviour: 'missed: load and soak',
    here: 'rule',
    note: 'visitors in each mode while parts of the cluster die; the benchmarks',
    tests: [['e2e/session-modes.test.ts', 'sessions in every mode']],
  },
  {
    behaviour: 'missed: a slow, frozen or cut-off node',
    here: 'rule',
    note: 'it is left within `storeWait`; a later thaw brings back no older state to a browser that has moved',
    tests: [
      [NODES, 'a node that stands still is left'],
      ['express/backup.system.test.ts', 'with a slow store'],
    ],
  },
  {
    behaviour: 'missed: a proxy in the path',
    here: 'rule',
    note: 'one address without an id; killed, it logs nobody out',
    tests: [['e2e/session-behind-proxy.test.ts', 'sessions behind a proxy']],
  },
  {
    behaviour: 'missed: expiry and time-out of a lock',
    here: 'rule',
    note: 'a holder that stands still for 10 s or dies loses the lock after 5 s and overwrites nothing; a waiter is answered 503 after `lockWait`',
    tests: [
      [STOPPED, 'loses its lock after 5 s, and then overwrites nothing'],
      [STOPPED, 'leaves a lock that ends by itself'],
      [LOCKS, 'that is not had within lockWait is a 503'],
      [LOCKS, 'of somebody else is not freed'],
    ],
  },
  {
    behaviour: 'missed: a uriPattern that matches',
    here: 'same',
    note: 'on `METHOD URI?query`, or on the path',
    tests: [
      [LOCKS, 'two of them run side by side'],
      ['locks/lock-policy.test.ts', 'a uriPattern matches METHOD URI?query'],
    ],
  },
  {
    behaviour: 'missed: writes that fail or are refused, sessions that are too large',
    here: 'rule',
    note: 'sticky: owed and made good, without bringing back what was ended meanwhile; non-sticky: 503, and what was stored stays; the error names the attribute',
    tests: [
      ['original-behaviours/lost-answers.system.test.ts', 'does not bring a session back'],
      [STORED, 'what the store refuses is not taken for stored'],
      [STORED, 'a session that is too large is reported'],
    ],
  },
  {
    behaviour: 'missed: a store that restarts empty',
    here: 'rule',
    note: 'sticky sessions are stored again; non-sticky ones come from the copy, and with one node are lost',
    tests: [
      [STORED, 'a store that has lost everything'],
      [STORED, 'session and copy are on two nodes'],
    ],
  },
  {
    behaviour: 'missed: clocks that differ',
    here: 'rule',
    note: 'only the store’s clock ends a session that servers share',
    tests: [[TAKEOVER, 'whose clock is an hour']],
  },
  {
    behaviour: 'missed: two hosts that take over at once',
    here: 'rule',
    note: 'they share the one key and merge',
    tests: [[TAKEOVER, 'two that take over at once']],
  },
  {
    behaviour: 'missed: leaks',
    here: 'rule',
    note: 'gauges, timers and heap after ten thousand sessions',
    tests: [[LEAKS, 'ten thousand sessions']],
  },
  {
    behaviour:
      'of peers: a change of server, an update on two hosts at once, the last access known to all, expiry after a failover, no stale session',
    here: 'rule',
    note: '',
    tests: [
      [TAKEOVER, 'that is killed leaves every answered change'],
      [LOCKS, 'atomic updates on two hosts at once'],
      [TAKEOVER, 'a use at one server is known to all'],
      [NODES, 'is found after its node died, and keeps its life'],
      [NODES, 'a node that stands still is left'],
    ],
  },
]

const HERE = { same: 'as it is', rule: 'by our rule', none: 'does not apply' }

export const testListUrl: URL = new URL(
  '../../../../docs/reference/original-test-list.md',
  import.meta.url,
)

export function testListPage(): string {
  const rows = TESTED_BEHAVIOURS.map(({ behaviour, here, note, tests }) => {
    const files = [...new Set(tests.map(([file]) => `\`${nameOf(file)}\``))].join(', ')
    return `| ${behaviour} | ${HERE[here]} | ${note} | ${files} |`
  })
  return [...HEAD, ...rows, ''].join('\n')
}

function nameOf(file: string): string {
  const name = file.slice(file.lastIndexOf('/') + 1)
  return name.replace(/(\.system)?\.test\.ts$/, '')
}

const HEAD: readonly string[] = [
  '# The original’s test list',
  '',
  'What the integration tests of memcached-session-manager assert, and what they miss, is tested here',
  'for sticky and for non-sticky sessions and with each lock mode (`none`, `all`, `auto`, `uriPattern`)',
  'where it applies, against real memcached servers: `packages/session/src/original-behaviours`. Where',
  'Holdfast differs by design ([the differences](memcached-session-manager.md)) the test is of its rule.',
  '',
  '| behaviour | tested | rule or note | tests |',
  '|---|---|---|---|',
]
