// The inner parts of the engine's function library (engine-functions.ts): opening and writing
// items, the steps of meta commands, and 64 bit arithmetic on decimal digits.

/** Items: layout, marks, expiry. */
export const FUNCTION_BASICS = `
local HEADER = 12
local OURS, STALE, WON, READ = 128, 64, 32, 16
local NO_FLAGS = '\\0\\0\\0\\0'

-- Every function can also be called by another one (holdfast_guard).
local functions = {}

local function define(name, body)
  functions[name] = body
  redis.register_function(name, body)
end

local function has(options, letter)
  return options ~= nil and string.find(options, letter, 1, true) ~= nil
end

local function stamp_of(bytes)
  return string.char(string.byte(bytes, 5) % 16) .. string.sub(bytes, 6, HEADER)
end

local function header(flags, marks, stamp)
  return flags .. string.char(OURS + marks + string.byte(stamp, 1) % 16) .. string.sub(stamp, 2)
end

local function opened(bytes)
  local first = string.byte(bytes, 5)
  if #bytes < HEADER or first < OURS then
    return { ours = false, flags = NO_FLAGS, marks = 0, data = bytes }
  end
  return {
    ours = true,
    flags = string.sub(bytes, 1, 4),
    marks = first - OURS - first % 16,
    stamp = stamp_of(bytes),
    data = string.sub(bytes, HEADER + 1),
  }
end

local function head(key)
  local bytes = redis.call('GETRANGE', key, 0, HEADER - 1)
  if bytes == '' and redis.call('EXISTS', key) == 0 then return nil end
  return opened(bytes)
end

local function marked(item, mark)
  return item.marks % (2 * mark) >= mark
end

local function lower(left, right)
  for i = 1, 8 do
    local a, b = string.byte(left, i), string.byte(right, i)
    if a ~= b then return a < b end
  end
  return false
end

local function store(key, bytes, ttl)
  if ttl == '-1' then
    redis.call('SET', key, bytes)
  elseif ttl == '0' then
    redis.call('DEL', key)
  else
    redis.call('SET', key, bytes, 'PX', ttl)
  end
  return 1
end

local function expire(key, ttl)
  ttl = tonumber(ttl)
  if ttl < 0 then
    redis.call('PERSIST', key)
  elseif ttl == 0 then
    redis.call('DEL', key)
  else
    redis.call('PEXPIRE', key, string.format('%.0f', ttl))
  end
end

-- T sets the expiry, N that of an item just made, R is the recache, t shows it: in the order asked.
local function walked(steps, left, created, asked)
  local walk = { left = left, shown = left, won = false }
  for step in string.gmatch(steps, '.') do
    if step == 'T' then
      walk.left = tonumber(asked.ttl)
    elseif step == 'N' and created then
      walk.left = tonumber(asked.vivify_ttl)
      walk.won = true
    elseif step == 'R' and not asked.sent and not created then
      if walk.left >= 0 and math.ceil(walk.left / 1000) < asked.recache then walk.won = true end
    elseif step == 't' then
      walk.shown = walk.left
    end
  end
  return walk
end
`

/** Numbers up to 2^64 - 1 as two parts of base 10^10. */
export const FUNCTION_NUMBERS = `
local BASE = 10000000000
local TOP_HIGH = 1844674407
local TOP_LOW = 3709551615

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

local function number_in(data)
  local digits, after = string.match(data, '^%s*%+?(%d+)(.?)')
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
`
