-- Requests of visitors in turn, for wrk: COOKIES is a file with one Cookie header a line, the
-- path is that of wrk's URL. The end is one line of JSON.
local requests = {}
local at = 0

function init()
  for line in io.lines(os.getenv('COOKIES')) do
    requests[#requests + 1] = wrk.format('GET', nil, { Cookie = line })
  end
end

function request()
  at = at % #requests + 1
  return requests[at]
end

function done(summary, latency)
  local errors = summary.errors
  print(string.format(
    '{"requests":%d,"seconds":%f,"refused":%d,"broken":%d,"p50Us":%d,"p99Us":%d}',
    summary.requests, summary.duration / 1e6, errors.status,
    errors.connect + errors.read + errors.write + errors.timeout,
    latency:percentile(50), latency:percentile(99)))
end
