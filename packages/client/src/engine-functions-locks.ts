// The part of the engine's function library (engine-functions.ts) that locks items: getl and unlock
// of the vBucket port, and the guard that its writes pass while there may be locks.
//
// A lock is a key of its own beside the item's: in front of the tag, where no client's key begins,
// so it lies in the item's slot and goes with it. It holds the CAS that opens the lock and the CAS
// of the locked item, and expires by itself. Reads show the item's own CAS, never the one that
// opens it. An item that was written by somebody who knows no locks has another CAS: its lock is
// void.

/** Locks. */
export const FUNCTION_LOCKS = `
local EXPECTED_AT = {
  holdfast_cas = 1, holdfast_delete = 2, holdfast_append = 5, holdfast_prepend = 5,
  holdfast_incr = 4, holdfast_decr = 4,
}

local function lock_key(key)
  return 'lock' .. key
end

-- The CAS that opens the item, if it is locked.
local function lock_of(key, item)
  local lock = redis.call('GET', lock_key(key))
  if not lock or not item or string.sub(lock, 9) ~= item.stamp then return nil end
  return string.sub(lock, 1, 8)
end

define('holdfast_lock', function(keys, args)
  local key, options, stamp, lock_ms = keys[1], args[1], args[2], args[3]
  local item = head(key)
  if not item then return false end
  if not item.ours then
    redis.call('SET', key, header(NO_FLAGS, 0, stamp) .. redis.call('GET', key), 'KEEPTTL')
    item = head(key)
  end
  local lock = lock_of(key, item)
  if lock and not (has(options, 'r') and lock == stamp) then return -4 end
  redis.call('SET', lock_key(key), stamp .. item.stamp, 'PX', lock_ms)
  return redis.call('GET', key)
end)

define('holdfast_unlock', function(keys, args)
  local key, options, expected = keys[1], args[1], args[2]
  local item = head(key)
  if not item then return -1 end
  local lock = lock_of(key, item)
  if not lock then return has(options, 'r') and 1 or -5 end
  if lock ~= expected then return -4 end
  redis.call('DEL', lock_key(key))
  return 1
end)

define('holdfast_guard', function(keys, args)
  local key, expected, name = keys[1], args[1], args[2]
  local rest = { unpack(args, 3) }
  local item = head(key)
  local lock = lock_of(key, item)
  if lock then
    if lock ~= expected then return -4 end
    redis.call('DEL', lock_key(key))
    if EXPECTED_AT[name] then rest[EXPECTED_AT[name]] = item.stamp end
  end
  local inner = functions[name]
  if inner then return inner(keys, rest) end
  return redis.call(name, key, unpack(rest))
end)
`
