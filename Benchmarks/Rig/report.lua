-- Read by load.py: the arguments are a file with a request's bytes, how many of them are sent ahead, and perhaps a file with
-- what every second request is instead. Reports what wrk saw as one line.

local function read(path)
  local file = assert(io.open(path, "rb"))
  local bytes = file:read("*a")
  file:close()
  return bytes
end

-- wrk asks for the request's bytes once, after this; a `request` function of ours is called for each.
function init(arguments)
  local bytes = string.rep(read(arguments[1]), tonumber(arguments[2]))
  wrk.format = function() return bytes end
  if arguments[3] then
    local other, isOther = read(arguments[3]), false
    request = function()
      isOther = not isOther
      return isOther and other or bytes
    end
  end
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
