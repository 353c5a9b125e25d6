/**
 * The function library that every engine primary of a bucket carries.
 *
 * Most operations are plain engine commands. Only those that must look at the stored item first
 * (cas, incr, decr, append, prepend, and the replay of add) are functions. The store loads the
 * library with `FUNCTION LOAD REPLACE`; the proxy only calls it. Functions are replicated and
 * persisted, unlike scripts, so a promoted replica has them too.
 *
 * Item layout: 4 bytes flags, 8 bytes CAS stamp (both big endian), then the data.
 *
 * Replay rule: every write carries one stamp, made once. A function that finds its own stamp
 * already stored was applied before a failover and answers its success again, changing nothing.
 *
 * Lua numbers are doubles, so 64 bit numbers are kept as two decimal parts of base 10^10.
 * A key that holds less than an item header counts as missing.
 *
 * Results: 1 done, 0 refused (cas mismatch, add of an existing key), -1 missing,
 * -2 not a number, -3 too large; incr and decr answer the number as a string of digits.
 */

/** What the store hands to `FUNCTION LOAD REPLACE`, and the version that tells whether it must. */
export interface EngineLibrary {
  name: string
  version: string
  source: string
}

const SOURCE = `#!lua name=holdfast
local HEADER = 12
local BASE = 10000000000
local TOP_HIGH = 1844674407
local TOP_LOW = 3709551615

local function stamp_of(key)
  local stamp = redis.call('GETRANGE', key, 4, 11)
  if #stamp < 8 then return nil end
  return stamp
end

local function store(key, item, ttl)
  if ttl == '-1' then
    redis.call('SET', key, item)
  elseif ttl == '0' then
    redis.call('DEL', key)
  else
    redis.call('SET', key, item, 'PX', ttl)
  end
  return 1
end

local function above_top(high, low)
  return high > TOP_HIGH or (high == TOP_HIGH and low > TOP_LOW)
end

local function parts_of(digits)
  digits = string.gsub(digits, '^0+', '')
  if #digits > 20 then return nil end
  local high = tonumber(string.sub(digits, 1, -11)) or 0
  local low = tonumber(string.sub(digits, -10)) or 0
  if above_top(high, low) then return nil end
  return high, low
end

local function number_in(item)
  local digits, after = string.match(item, '^%s*%+?(%d+)(.?)', HEADER + 1)
  if not digits or not (after == '' or string.find(after, '^%s')) then return nil end
  return parts_of(digits)
end

local function digits_of(high, low)
  if high == 0 then return string.format('%.0f', low) end
  return string.format('%.0f%010.0f', high, low)
end

local function sum(high, low, delta_high, delta_low)
  high = high + delta_high
  low = low + delta_low
  if low >= BASE then
    high = high + 1
    low = low - BASE
  end
  if above_top(high, low) then
    high = high - TOP_HIGH
    low = low - TOP_LOW - 1
    if low < 0 then
      high = high - 1
      low = low + BASE
    end
  end
  return high, low
end

local function difference(high, low, delta_high, delta_low)
  high = high - delta_high
  low = low - delta_low
  if low < 0 then
    high = high - 1
    low = low + BASE
  end
  if high < 0 then return 0, 0 end
  return high, low
end

local function change_number(key, args, change)
  local stamp = args[1]
  local item = redis.call('GET', key)
  if not item or #item < HEADER then return -1 end
  local high, low = number_in(item)
  if not high then return -2 end
  if string.sub(item, 5, 12) == stamp then return digits_of(high, low) end
  local delta_high, delta_low = parts_of(args[2])
  if not delta_high then return -2 end
  local digits = digits_of(change(high, low, delta_high, delta_low))
  local padding = string.rep(' ', #item - HEADER - #digits)
  redis.call('SET', key, string.sub(item, 1, 4) .. stamp .. digits .. padding, 'KEEPTTL')
  return digits
end

local function too_large(key, addition, bytes_max)
  return redis.call('STRLEN', key) - HEADER + #addition > tonumber(bytes_max)
end

redis.register_function('holdfast_add', function(keys, args)
  local stamp = stamp_of(keys[1])
  if not stamp then return store(keys[1], args[1], args[2]) end
  if stamp == string.sub(args[1], 5, 12) then return 1 end
  return 0
end)

redis.register_function('holdfast_cas', function(keys, args)
  local stamp = stamp_of(keys[1])
  if not stamp then return -1 end
  if stamp == string.sub(args[2], 5, 12) then return 1 end
  if stamp ~= args[1] then return 0 end
  return store(keys[1], args[2], args[3])
end)

redis.register_function('holdfast_incr', function(keys, args)
  return change_number(keys[1], args, sum)
end)

redis.register_function('holdfast_decr', function(keys, args)
  return change_number(keys[1], args, difference)
end)

redis.register_function('holdfast_append', function(keys, args)
  local stamp = stamp_of(keys[1])
  if not stamp then return -1 end
  if stamp == args[1] then return 1 end
  if too_large(keys[1], args[2], args[3]) then return -3 end
  redis.call('APPEND', keys[1], args[2])
  redis.call('SETRANGE', keys[1], 4, args[1])
  return 1
end)

redis.register_function('holdfast_prepend', function(keys, args)
  local stamp = stamp_of(keys[1])
  if not stamp then return -1 end
  if stamp == args[1] then return 1 end
  if too_large(keys[1], args[2], args[3]) then return -3 end
  local item = redis.call('GET', keys[1])
  local changed = string.sub(item, 1, 4) .. args[1] .. args[2] .. string.sub(item, HEADER + 1)
  redis.call('SET', keys[1], changed, 'KEEPTTL')
  return 1
end)
`

/**
 * The library. Calls, each with exactly one key:
 * `holdfast_add item ttl`, `holdfast_cas expected item ttl`, `holdfast_incr stamp delta`,
 * `holdfast_decr stamp delta`, `holdfast_append stamp data bytesMax`,
 * `holdfast_prepend stamp data bytesMax`. ttl: milliseconds, `-1` never expires, `0` expired.
 */
export const ENGINE_LIBRARY: EngineLibrary = { name: 'holdfast', version: '1', source: SOURCE }
