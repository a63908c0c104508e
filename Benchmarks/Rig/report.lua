-- Read by load.py: the arguments are a file with a request's bytes, and how many of them are sent ahead. Reports what wrk
-- saw as one line.

-- wrk asks for the request's bytes once, after this; a `request` function of ours would be called for each.
function init(arguments)
  local file = assert(io.open(arguments[1], "rb"))
  local bytes = string.rep(file:read("*a"), tonumber(arguments[2]))
  file:close()
  wrk.format = function() return bytes end
end

function done(summary, latency, _)
  -- Between 38 and 46 ms is where Nagle's algorithm meets a delayed acknowledgement. A tail goes through that
  -- range too, falling; a step stands out against the range of the same width before it.
  local before, step = 0, 0
  for i = 1, #latency do
    local microseconds, count = latency(i)
    if microseconds >= 30000 and microseconds < 38000 then before = before + count end
    if microseconds >= 38000 and microseconds < 46000 then step = step + count end
  end
  local errors = summary.errors
  io.write(string.format("REPORT %d %d %d %d %d %d %d\n", summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(99), before, step,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
