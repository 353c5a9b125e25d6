// For operators of a store: sessions of any application in a bucket, seen and ended without the
// application's options. Applications use SessionManager.
export { storedTtlSeconds as renewedTtlSeconds } from '../ttl.ts'
export { keyOfListed, keysOf, likeliestKey, maybeSessionKey, prefixOf } from './session-keys.ts'
export {
  SessionOperator,
  type SessionOperatorOptions,
  type SessionToEnd,
} from './session-operator.ts'
export { type ShownAttribute, type ShownValues, shownValues } from './shown-attributes.ts'
export {
  FORM_BYTES,
  isStoredForm,
  type StoredView,
  UNKNOWN_ENCODING,
  type ViewBounds,
  viewStored,
} from './stored-view.ts'
