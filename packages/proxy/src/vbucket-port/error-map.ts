/**
 * The map of statuses that GET_ERROR_MAP answers: how a client shall treat each, in the attributes
 * of Couchbase's error map, version 1.
 */
import { BinaryStatus } from '@holdfast/protocol'

const REVISION = 1

const ERRORS: readonly [status: number, name: string, text: string, attributes: string[]][] = [
  [BinaryStatus.Success, 'SUCCESS', 'done', ['success']],
  [BinaryStatus.KeyNotFound, 'KEY_ENOENT', 'there is no such item', ['item-only']],
  [BinaryStatus.KeyExists, 'KEY_EEXISTS', 'the item is another one', ['item-only']],
  [BinaryStatus.TooLarge, 'E2BIG', 'the value is too large', ['item-only', 'invalid-input']],
  [BinaryStatus.InvalidArguments, 'EINVAL', 'a bad request', ['internal', 'invalid-input']],
  [BinaryStatus.NotStored, 'NOT_STORED', 'the condition is not met', ['item-only']],
  [BinaryStatus.NotNumeric, 'DELTA_BADVAL', 'the item is no number', ['item-only']],
  [
    BinaryStatus.NotMyVBucket,
    'NOT_MY_VBUCKET',
    'another node has the vBucket',
    ['fetch-config', 'invalid-input'],
  ],
  [BinaryStatus.NoBucket, 'NO_BUCKET', 'no bucket is chosen', ['conn-state-invalidated']],
  [
    BinaryStatus.Locked,
    'LOCKED',
    'the item is locked',
    ['item-locked', 'item-only', 'retry-later'],
  ],
  [BinaryStatus.NotLocked, 'NOT_LOCKED', 'the item is not locked', ['item-only']],
  [BinaryStatus.AuthError, 'AUTH_ERROR', 'the login failed', ['conn-state-invalidated', 'auth']],
  [BinaryStatus.AuthContinue, 'AUTH_CONTINUE', 'the login goes on', ['special-handling']],
  [BinaryStatus.NoAccess, 'EACCESS', 'not allowed', ['support', 'auth']],
  [BinaryStatus.UnknownFrame, 'UNKNOWN_FRAME_INFO', 'a frame is not known', ['support']],
  [BinaryStatus.UnknownCommand, 'UNKNOWN_COMMAND', 'not known', ['support']],
  [BinaryStatus.OutOfMemory, 'ENOMEM', 'out of memory', ['temp', 'retry-later']],
  [BinaryStatus.NotSupported, 'NOT_SUPPORTED', 'not supported', ['support']],
  [BinaryStatus.InternalError, 'EINTERNAL', 'it failed', ['internal']],
  [BinaryStatus.Busy, 'EBUSY', 'busy', ['temp', 'retry-later']],
  [BinaryStatus.TemporaryFailure, 'ETMPFAIL', 'not now', ['temp', 'retry-later']],
  [
    BinaryStatus.DurabilityInvalidLevel,
    'DURABILITY_INVALID_LEVEL',
    'no such level',
    ['item-only', 'invalid-input'],
  ],
  [
    BinaryStatus.DurabilityImpossible,
    'DURABILITY_IMPOSSIBLE',
    'too few copies',
    ['item-only', 'temp'],
  ],
  [
    BinaryStatus.SyncWriteAmbiguous,
    'SYNC_WRITE_AMBIGUOUS',
    'it may have happened',
    ['item-only', 'temp'],
  ],
]

/** The map as JSON. */
export const ERROR_MAP: string = JSON.stringify({
  version: 1,
  revision: REVISION,
  errors: Object.fromEntries(
    ERRORS.map(([status, name, desc, attrs]) => [status.toString(16), { name, desc, attrs }]),
  ),
})
