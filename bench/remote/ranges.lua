-- For wrk: asks for ranges of 8 MiB of one object, at random, and prints what came as JSON on the last line.
-- Use: wrk -s ranges.lua URL -- BYTES_OF_THE_OBJECT

local range_bytes = 8 * 1024 * 1024
local threads = 0

function setup(thread)
    threads = threads + 1
    thread:set("seed", threads)
end

function init(args)
    ranges = math.max(1, math.floor(tonumber(args[1]) / range_bytes))
    math.randomseed(seed)
end

function request()
    local at = (math.random(ranges) - 1) * range_bytes
    wrk.headers["Range"] = string.format("bytes=%.0f-%.0f", at, at + range_bytes - 1)
    return wrk.format("GET")
end

function done(summary)
    local errors = summary.errors
    print(string.format(
        '{"bytes": %.0f, "seconds": %.6f, "failed": %d}',
        summary.bytes,
        summary.duration / 1e6,
        errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
