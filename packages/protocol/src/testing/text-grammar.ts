/**
 * Requests and replies of memcached's text and meta protocols, as fuzz inputs: all commands and
 * flags, with sizes and numbers that are mostly right.
 */
import fc from 'fast-check'
import { numberText } from './mutate.ts'

const LONG_KEY = 'k'.repeat(250)

const key: fc.Arbitrary<string> = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom('a', 'b', 'key', 'a:b', 'VALUE', 'END', 'é') },
  { weight: 1, arbitrary: fc.constantFrom(LONG_KEY, `${LONG_KEY}k`, '', ' ', 'YWJj') },
)
const value: fc.Arbitrary<string> = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom('', 'x', '12', '\r\n', 'END\r\n', 'get a\r\n', '\0') },
  { weight: 1, arbitrary: fc.nat(3000).map((length) => 'v'.repeat(length)) },
)
const lineEnd: fc.Arbitrary<string> = fc.oneof(
  { weight: 12, arbitrary: fc.constant('\r\n') },
  { weight: 1, arbitrary: fc.constantFrom('\n', '\r', '', '\n\r\n', '\r\r\n') },
)
const noreply: fc.Arbitrary<string> = fc.constantFrom('', '', '', ' noreply', ' noreplyx', ' 1')
const flagWord: fc.Arbitrary<string> = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom(...'bcfhklqstuvEICNRTDJMOxS') },
  {
    weight: 4,
    arbitrary: fc
      .tuple(fc.constantFrom(...'CDEFJNRTS'), numberText())
      .map(([letter, token]) => letter + token),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom('O123', 'Oabc', 'MI', 'MS', 'MD', 'Ma', 'k1', 'qq', '-'),
  },
)
const flagWords: fc.Arbitrary<string> = fc
  .array(flagWord, { maxLength: 5 })
  .map((words) => words.map((word) => ` ${word}`).join(''))

const KEYED = ['get', 'gets', 'delete', 'touch', 'incr', 'decr', 'gat', 'gats'] as const
const BARE = [
  ...['flush_all', 'version', 'stats', 'stats reset', 'verbosity 1', 'mn', 'quit', 'shutdown'],
  ...['lru tune', 'watch', 'ms', 'mg', 'gets ', 'nonsense'],
]

const store: fc.Arbitrary<string> = fc
  .tuple(
    fc.constantFrom('set', 'add', 'replace', 'append', 'prepend', 'cas'),
    ...[key, numberText(), numberText(), value, numberText(), noreply, lineEnd],
  )
  .map(([word, k = '', flags, exptime, v = '', cas, quiet = '', end]) => {
    const casWord = word === 'cas' ? ` ${cas}` : ''
    const bytes = Buffer.byteLength(v)
    return `${word} ${k} ${flags} ${exptime} ${bytes}${casWord}${quiet}${end}${v}${end}`
  })

const keyed: fc.Arbitrary<string> = fc
  .tuple(
    fc.constantFrom(...KEYED),
    fc.array(key, { minLength: 1, maxLength: 4 }),
    numberText(),
    noreply,
    lineEnd,
  )
  .map(([word, keys, amount, quiet, end]) => {
    if (word === 'get' || word === 'gets') return `${word} ${keys.join(' ')}${end}`
    if (word === 'gat' || word === 'gats') return `${word} ${amount} ${keys.join(' ')}${end}`
    if (word === 'delete') return `${word} ${keys[0]}${quiet}${end}`
    return `${word} ${keys[0]} ${amount}${quiet}${end}`
  })

const meta: fc.Arbitrary<string> = fc
  .tuple(fc.constantFrom('mg', 'md', 'ma', 'me', 'mn'), key, flagWords, lineEnd)
  .map(([word, k, flags, end]) => (word === 'mn' ? `mn${end}` : `${word} ${k}${flags}${end}`))

const metaSet: fc.Arbitrary<string> = fc
  .tuple(key, value, flagWords, lineEnd)
  .map(([k, v, flags, end]) => `ms ${k} ${Buffer.byteLength(v)}${flags}${end}${v}${end}`)

const bare: fc.Arbitrary<string> = fc
  .tuple(fc.constantFrom(...BARE), noreply, lineEnd)
  .map((words) => words.join(''))

/** One request of the text or meta protocol. */
export function textRequests(): fc.Arbitrary<Buffer> {
  return fc.oneof(store, keyed, meta, metaSet, bare).map((text) => Buffer.from(text))
}

const item: fc.Arbitrary<string> = fc
  .tuple(key, numberText(), value, fc.option(numberText(), { nil: undefined }))
  .map(([k, flags, v, cas]) => {
    return `VALUE ${k} ${flags} ${Buffer.byteLength(v)}${cas === undefined ? '' : ` ${cas}`}\r\n${v}\r\n`
  })

const LINES = [
  ...['STORED', 'NOT_STORED', 'EXISTS', 'NOT_FOUND', 'DELETED', 'TOUCHED', 'OK', 'RESET', '0'],
  ...['18446744073709551615', '5  ', 'VERSION 1.6.18', 'ERROR', 'CLIENT_ERROR bad', 'STAT a'],
  ...['SERVER_ERROR out of memory', 'SERVER_ERROR', 'STAT a b c', 'END', 'HD', 'EN', 'MN'],
]

/** One reply of the text protocol. */
export function textReplies(): fc.Arbitrary<Buffer> {
  const list = fc.array(item, { maxLength: 4 }).map((items) => `${items.join('')}END\r\n`)
  const line = fc.tuple(fc.constantFrom(...LINES), lineEnd).map((words) => words.join(''))
  return fc.oneof(list, line).map((text) => Buffer.from(text))
}

/** One reply of the meta protocol, with any flags. */
export function metaReplies(): fc.Arbitrary<Buffer> {
  const bareReply = fc
    .tuple(
      fc.constantFrom('HD', 'EN', 'NF', 'NS', 'EX', 'MN', 'ERROR', 'CLIENT_ERROR x'),
      flagWords,
    )
    .map(([code, flags]) => `${code}${flags}\r\n`)
  const valued = fc
    .tuple(value, flagWords)
    .map(([v, flags]) => `VA ${Buffer.byteLength(v)}${flags}\r\n${v}\r\n`)
  const debug = numberText().map(
    (n) => `ME a exp=${n} la=${n} cas=${n} fetch=yes cls=1 size=${n}\r\n`,
  )
  return fc.oneof(bareReply, valued, debug).map((text) => Buffer.from(text))
}
