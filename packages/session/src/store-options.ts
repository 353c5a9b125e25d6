/*
 * Options of one area: where sessions are kept and how long a request waits for it.
 */
import {
  choiceOption,
  type GivenOptions,
  type OptionRows,
  textOption,
  timeoutOption,
} from './option-readers.ts'
import { parseStoreTargets, type StoreTarget, type StoreTargets } from './store/memcached-nodes.ts'
import { parseStorageKeyPrefix } from './store/storage-key-prefix.ts'

export const STORE_OPTIONS: OptionRows = [
  {
    name: 'failoverNodes',
    byDefault: 'none',
    type: 'string',
    meaning:
      'Ids of nodes of `memcachedNodes` that are used only when no other node is up, separated by spaces or commas. On the host that runs both an application server and the node n1, `failoverNodes: "n1"` keeps a session’s two copies on two machines.',
  },
  {
    name: 'memcachedProtocol',
    byDefault: '`text`',
    type: '`text` or `binary`',
    meaning:
      'What is spoken to the nodes of `memcachedNodes`; `text` uses meta commands for writes where the server knows them. A bucket URL is read with the protocol of its servers, whatever this says. (The original warned of another value and went on; here it is an error.)',
  },
  {
    name: 'username',
    byDefault: 'none',
    type: 'string',
    meaning:
      'Login at the nodes: SASL in the binary protocol (SCRAM where the server offers it, else PLAIN), ASCII authentication in text. With bucket URLs: the user of the config servers, and of the bucket where it has no password of its own.',
  },
  {
    name: 'password',
    byDefault: 'none',
    type: 'string',
    meaning:
      'The password of `username`. It appears in no error and no log. ASCII authentication (`text`) ends it at its first blank, so one with a blank needs `memcachedProtocol: "binary"`; otherwise it is an error when the application starts.',
  },
  {
    name: 'hostName',
    byDefault: 'none',
    type: 'string',
    meaning:
      'What the tokens `host` and `host.hash` of `storageKeyPrefix` stand for. In the original that is the virtual host of the servlet container; it is never the machine’s name, because all servers of an application make the same key.',
  },
  {
    name: 'contextName',
    byDefault: 'none',
    type: 'string',
    meaning: 'What the tokens `context` and `context.hash` of `storageKeyPrefix` stand for.',
  },
  {
    name: 'webappVersion',
    byDefault: 'none',
    type: 'string',
    meaning:
      'What the token `webappVersion` of `storageKeyPrefix` stands for: with it two versions of an application that run side by side keep their sessions apart.',
  },
  {
    name: 'loadFailure',
    byDefault: '`fail`',
    type: '`fail` or `degrade`',
    meaning:
      'What becomes of a request whose session cannot be loaded because the store is away. `fail`: an error with status 503. `degrade`: it goes on with an empty session whose `degraded` is true; nothing that is put into it is stored, no cookie is set, and the user has the session back when the store is. To destroy it fails while the store is away.',
  },
  {
    name: 'storeWait',
    byDefault: '`250`',
    type: 'milliseconds',
    meaning:
      'The longest that a request waits for a node that says nothing: refused, unreachable or frozen. A node that owes answers and sends nothing for 100 ms is greeted over a second connection; when neither says anything until `storeWait`, the node is away: what waits fails at once, and so does everything later until a probe (one at a time, each 50 ms to 1 s) is answered. A node that is slow but alive has `operationTimeout`. A store further away than a few milliseconds needs more than twice its round trip.',
  },
]

/** As the application writes them. */
export interface StoreOptions {
  memcachedProtocol?: 'text' | 'binary' | undefined
  username?: string | undefined
  password?: string | undefined
  storeWait?: number | undefined
  loadFailure?: 'fail' | 'degrade' | undefined
  failoverNodes?: string | undefined
  hostName?: string | undefined
  contextName?: string | undefined
  webappVersion?: string | undefined
}

/** After checking. */
export interface StoreSettings extends StoreTargets {
  /** The nodes as they were given, for changes at run time. */
  configured: { memcachedNodes: string | undefined; failoverNodes: string | undefined }
  keyPrefix: string
  protocol: 'text' | 'binary'
  credentials: { username: string; password: string } | undefined
  storeWaitMs: number
  loadFailure: 'fail' | 'degrade'
}

const STORE_WAIT_MS_DEFAULT = 250

/** Throws TypeError naming the option that is wrong. */
export function parseStoreOptions(given: GivenOptions): StoreSettings {
  const credentials = credentialsOption(given)
  const configured = {
    memcachedNodes: textOption(given, 'memcachedNodes'),
    failoverNodes: textOption(given, 'failoverNodes'),
  }
  const targets = parseStoreTargets({ ...configured, username: credentials?.username })
  const protocol = choiceOption(given, 'memcachedProtocol', ['text', 'binary'], 'text')
  checkLogin(targets.nodes, { protocol, credentials })
  return {
    ...targets,
    configured,
    keyPrefix: parseStorageKeyPrefix(given.get('storageKeyPrefix'), {
      hostName: textOption(given, 'hostName'),
      contextName: textOption(given, 'contextName'),
      webappVersion: textOption(given, 'webappVersion'),
    }),
    protocol,
    credentials,
    loadFailure: choiceOption(given, 'loadFailure', ['fail', 'degrade'], 'fail'),
    storeWaitMs: timeoutOption(given, 'storeWait', STORE_WAIT_MS_DEFAULT),
  }
}

/**
 * Throws TypeError for a login that no server understands: memcached and the proxy part the words
 * of ASCII authentication by blanks and leave the rest unread, so the password would be wrong.
 */
export function checkLogin(
  nodes: readonly StoreTarget[],
  { protocol, credentials }: Pick<StoreSettings, 'protocol' | 'credentials'>,
): void {
  const isAscii = protocol === 'text' && nodes.some((node) => 'host' in node)
  if (!isAscii || !/[ \t]/.test(credentials?.password ?? '')) return
  throw new TypeError(
    'option password: memcached’s ASCII authentication takes no blank in it: ' +
      'give memcachedProtocol "binary", or another password',
  )
}

function credentialsOption(given: GivenOptions): StoreSettings['credentials'] {
  const username = textOption(given, 'username')
  const password = textOption(given, 'password')
  if (username === undefined || username === '') {
    if (password === undefined || password === '') return undefined
    throw new TypeError('option password needs option username')
  }
  // Neither may end the line or the word that it is sent in.
  if (/[\s\0]/.test(username) || /[\r\n\0]/.test(password ?? '')) {
    throw new TypeError(
      'options username and password: no line ends or zero bytes, the name no blanks',
    )
  }
  return { username, password: password ?? '' }
}
