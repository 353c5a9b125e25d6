// Test support: fuzzing of parsers, in this package and in those above. It needs fast-check, which
// the package itself does not.

export { type FuzzTarget, fuzz } from './fuzz.ts'
export { damagedBytes, damagedText, LIMIT_NUMBERS, numberText } from './mutate.ts'
export {
  type CutStream,
  checkStream,
  cutStreams,
  type StreamRules,
  type StreamSubject,
} from './stream-check.ts'
export { metaReplies, textReplies, textRequests } from './text-grammar.ts'
