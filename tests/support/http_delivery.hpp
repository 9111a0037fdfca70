// How an answer of the test server gets onto the wire. Between its own sources only.
#pragma once

#include <tz/tests/support/http_reply.hpp>
#include <tz/tests/support/http_wire.hpp>

#include <vector>

namespace tz::test {

/// With the faults that are about time and closing. False once the connection is of no more use.
bool deliver(Wire& wire, const Reply& reply, const std::vector<Fault>& faults);

} // namespace tz::test
