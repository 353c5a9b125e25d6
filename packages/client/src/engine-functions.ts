/**
 * The function library that every engine primary of a bucket carries.
 *
 * Most operations are plain engine commands. Only those that must look at the stored item first
 * (cas, incr, decr, append, prepend, the replay of add, and whatever the meta and binary protocols
 * ask beyond the plain operations) are functions. The store loads the library with `FUNCTION LOAD
 * REPLACE`; the proxy only calls it, except in front of somebody's own engines. Functions are
 * replicated and persisted, unlike scripts, so a promoted replica has them too.
 *
 * Item layout and marks: item.ts of @holdfast/protocol. Stamps travel as 8 bytes without marks,
 * whole items with them. A value that is not ours counts as flags 0, a CAS that nothing equals, and
 * the whole value as data; a write makes it ours.
 *
 * Replay rule: every write carries one stamp, made once. A function that is called again (option
 * `r`) and finds its own stamp stored was applied before a failover: it answers its success again
 * and changes nothing.
 *
 * Lua numbers are doubles, so 64 bit numbers are kept as two decimal parts of base 10^10.
 */
import { FUNCTION_BASICS, FUNCTION_NUMBERS } from './engine-functions-basics.ts'
import { FUNCTION_LOCKS } from './engine-functions-locks.ts'

/** What the store hands to `FUNCTION LOAD REPLACE`, and the version that tells whether it must. */
export interface EngineLibrary {
  name: string
  version: string
  source: string
}

const STORES = `
define('holdfast_add', function(keys, args)
  local item = head(keys[1])
  if not item then return store(keys[1], args[1], args[2]) end
  if item.stamp == stamp_of(args[1]) then return 1 end
  return 0
end)

define('holdfast_cas', function(keys, args)
  local key, expected, bytes, ttl, options = keys[1], args[1], args[2], args[3], args[4]
  local item = head(key)
  if not item then return -1 end
  if has(options, 'r') and item.stamp == stamp_of(bytes) then return 1 end
  if item.stamp == expected then return store(key, bytes, ttl) end
  if not (has(options, 'I') and item.ours and lower(expected, item.stamp)) then return 0 end
  local marks = STALE + (marked(item, WON) and WON or 0)
  local first = string.char(string.byte(bytes, 5) + marks)
  redis.call('SET', key, string.sub(bytes, 1, 4) .. first .. string.sub(bytes, 6), 'KEEPTTL')
  return 1
end)

local function extend(keys, args, after)
  local key, stamp, addition, options = keys[1], args[1], args[2], args[4]
  local item = head(key)
  if not item then
    if not has(options, 'N') then return -1 end
    return store(key, header(NO_FLAGS, 0, stamp) .. addition, args[6])
  end
  if has(options, 'r') and item.stamp == stamp then return 1 end
  if has(options, 'C') and item.stamp ~= args[5] then return 0 end
  local bytes = redis.call('STRLEN', key) - (item.ours and HEADER or 0)
  if bytes + #addition > tonumber(args[3]) then return -3 end
  if after and item.ours then
    redis.call('APPEND', key, addition)
    redis.call('SETRANGE', key, 0, header(item.flags, 0, stamp))
    return 1
  end
  local data = opened(redis.call('GET', key)).data
  local changed = after and data .. addition or addition .. data
  redis.call('SET', key, header(item.flags, 0, stamp) .. changed, 'KEEPTTL')
  return 1
end

define('holdfast_append', function(keys, args)
  return extend(keys, args, true)
end)

define('holdfast_prepend', function(keys, args)
  return extend(keys, args, false)
end)

define('holdfast_delete', function(keys, args)
  local key, options, expected, stamp, ttl = keys[1], args[1], args[2], args[3], args[4]
  local item = head(key)
  if not item then return -1 end
  if has(options, 'r') and item.stamp == stamp then return 1 end
  if has(options, 'C') and item.stamp ~= expected then return 0 end
  if has(options, 'x') then
    local kept = (has(options, 'E') or not item.ours) and stamp or item.stamp
    store(key, header(args[5], 0, kept), ttl)
    item = head(key)
    if not item then return 1 end
  elseif not has(options, 'I') then
    redis.call('DEL', key)
  end
  if has(options, 'I') then
    if not item.ours then
      redis.call('SET', key, header(NO_FLAGS, 0, stamp) .. redis.call('GET', key), 'KEEPTTL')
    end
    local marks = STALE + (marked(item, READ) and READ or 0)
    redis.call('SETRANGE', key, 0, header(item.flags, marks, stamp))
    if has(options, 'T') then expire(key, ttl) end
  end
  return 1
end)
`

const COUNTS = `
local function count(keys, args, change)
  local key, stamp, options = keys[1], args[1], args[3]
  local raw = redis.call('GET', key)
  local item = raw and opened(raw)
  local left, created, digits = -1, false, nil
  if not item then
    if not has(options, 'N') then return -1 end
    created = true
    digits = args[5]
    redis.call('SET', key, header(NO_FLAGS, 0, stamp) .. digits)
  else
    local high, low = number_in(item.data)
    if not high then return -2 end
    if has(options, 'r') and item.stamp == stamp then
      digits = digits_of(high, low)
    else
      if has(options, 'C') and item.stamp ~= args[4] then return 0 end
      local delta_high, delta_low = parts_of(args[2])
      if not delta_high then return -2 end
      digits = digits_of(change(high, low, delta_high, delta_low))
      local padding = string.rep(' ', #item.data - #digits)
      local marks = #digits > #item.data and 0 or item.marks
      redis.call('SET', key, header(item.flags, marks, stamp) .. digits .. padding, 'KEEPTTL')
    end
    if has(options, 't') then left = redis.call('PTTL', key) end
  end
  if not has(options, 't') then return digits end
  local walk = walked(args[8], left, created, { ttl = args[7], vivify_ttl = args[6] })
  if walk.left ~= left then expire(key, walk.left) end
  return { digits, walk.shown }
end

define('holdfast_incr', function(keys, args)
  return count(keys, args, sum)
end)

define('holdfast_decr', function(keys, args)
  return count(keys, args, difference)
end)
`

const READS = `
define('holdfast_read', function(keys, args)
  local key, options, steps, stamp = keys[1], args[1], args[2], args[3]
  local idle = redis.pcall('OBJECT', 'IDLETIME', key)
  local raw = has(options, 'h') and redis.call('GETRANGE', key, 0, HEADER - 1)
  if not has(options, 'h') or raw == '' then raw = redis.call('GET', key) end
  local item = raw and opened(raw)
  local created = false
  if not item then
    if not has(options, 'N') then return false end
    created = true
    raw = header(NO_FLAGS, 0, stamp)
    redis.call('SET', key, raw)
    item = opened(raw)
  elseif has(options, 'N') and has(options, 'r') and item.stamp == stamp then
    created = true
    item.marks = 0
  end
  local left = created and -1 or redis.call('PTTL', key)
  local sent = marked(item, WON)
  local walk = walked(steps, left, created,
    { ttl = args[4], vivify_ttl = args[5], recache = tonumber(args[6]), sent = sent })
  local stale = marked(item, STALE)
  local won = walk.won or (stale and not sent and not has(options, 'd'))
  local marks = item.marks
  if won and not sent then marks = marks + WON end
  if not has(options, 'u') and not marked(item, READ) then marks = marks + READ end
  if walk.left == 0 then
    redis.call('DEL', key)
  else
    if item.ours and marks ~= item.marks then
      redis.call('SETRANGE', key, 4, string.sub(header(NO_FLAGS, marks, item.stamp), 5))
    end
    if walk.left ~= left then expire(key, walk.left) end
  end
  local seen = (won and 1 or 0) + (stale and 2 or 0) + (sent and 4 or 0)
  seen = seen + (marked(item, READ) and 8 or 0) + (created and 16 or 0)
  return { raw, seen, walk.shown, type(idle) == 'number' and idle or -1 }
end)
`

const VERSION = '3'

const SOURCE = `#!lua name=holdfast\n-- version ${VERSION}\n${FUNCTION_BASICS}${FUNCTION_NUMBERS}${STORES}${COUNTS}${READS}${FUNCTION_LOCKS}`

/**
 * The library. Calls, each with exactly one key; ttl in milliseconds, `-1` never expires, `0`
 * expired; options are letters: `r` replay, `C` compare with `expected`, `N` make what is missing,
 * `I` invalidate, `T` with a new ttl, `t` a reply with the time to live, `x` only the value goes,
 * `E` with a CAS of the client's, `h` header only, `u` not counted as a read, `d` only looks;
 * steps: meta-steps.ts.
 *
 * - `holdfast_add item ttl`
 * - `holdfast_cas expected item ttl options`
 * - `holdfast_append|prepend stamp data bytesMax options expected vivifyTtl`
 * - `holdfast_delete options expected stamp ttl flags`
 * - `holdfast_incr|decr stamp delta options expected initial vivifyTtl ttl steps`
 * - `holdfast_lock options stamp lockMs`, `holdfast_unlock options lockStamp`
 * - `holdfast_guard expected name ...`: the call or command `name` unless the item is locked
 * - `holdfast_read options steps stamp ttl vivifyTtl recacheSeconds`
 *
 * Stores and deletes answer 1 done, 0 refused (CAS mismatch, add of an existing key), -1 missing,
 * -3 too large; lock, unlock and guard also -4 locked by another, -5 not locked. incr and decr
 * answer the digits, or with `t` digits and ttl, or 0, -1, or -2 not a number. read answers null
 * or: header and data, bits of `ItemMark`, ttl, idle seconds or -1.
 */
export const ENGINE_LIBRARY: EngineLibrary = { name: 'holdfast', version: VERSION, source: SOURCE }

/** The version of a library by its source; 0 for anything else. */
export function libraryVersionOf(source: string): number {
  return Number(/^-- version (\d+)$/m.exec(source)?.[1] ?? 0)
}
