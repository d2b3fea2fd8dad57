-- Requests with a body of their own. Arguments: method, URL, body, run.
local threads = 0

function setup(thread)
  threads = threads + 1
  thread:set("number", threads)
end

function init(args)
  wrk.method = args[1]
  path = args[2]:match("//[^/]+(.*)"):gsub("@run", args[4]):gsub("@thread", number)
  body = args[3]:gsub("@run", args[4]):gsub("@thread", number)
  varies = body:find("@request") ~= nil
  -- wrk asks the first thread for one more request, which it does not send.
  count = number == 1 and -1 or 0
  if body == "" then body = nil else wrk.headers["Content-Type"] = "application/json" end
  fixed = wrk.format(nil, path, nil, body)
end

function request()
  if not varies then return fixed end
  count = count + 1
  return wrk.format(nil, path, nil, (body:gsub("@request", count)))
end

function done(summary, latency, requests)
  local errors = summary.errors
  -- errors.status counts answers from 400 on; that none is a redirect is checked before.
  local failed = errors.connect + errors.read + errors.write + errors.timeout + errors.status
  print(string.format('\n{"requests": %d, "seconds": %f, "failed": %d}',
    summary.requests, summary.duration / 1e6, failed))
end
