// Calls to the system, and allocations, that fail when they are told to. Where this is linked, its
// functions stand before those of the C library, for all code of the process.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace tz::soak {

enum class Call {
    write,
    sync,
    cut,
    room,
    rename,
    socket,
    connect,
    receive,
    send,
    poll,
    thread,
    map
};

inline constexpr std::size_t call_kinds = 12;

/// The call of that number (0 is the first) from now on.
struct FailingCall {
    Call call = Call::write;
    std::uint64_t nth = 0;
    int error = 0;                    ///< it fails with this, if not 0, and does nothing
    std::size_t bytes_max = SIZE_MAX; ///< a write writes no more
};

const char* name_of(Call call);
std::string to_string(const FailingCall& call);

/// Puts them in place as long as it lives: one at a time. Any thread may call meanwhile.
class FailingCalls {
public:
    explicit FailingCalls(std::vector<FailingCall> calls);
    ~FailingCalls();
    FailingCalls(const FailingCalls&) = delete;
    FailingCalls& operator=(const FailingCalls&) = delete;

    /// How many of them have failed.
    std::uint64_t met() const;
};

/// The `nth` allocation (0 is the first) from now on fails, and those after it until there were
/// `count`, by whichever thread; as long as it lives. One at a time.
class FailingAllocation {
public:
    explicit FailingAllocation(std::uint64_t nth, std::uint64_t count = 1);
    ~FailingAllocation();
    FailingAllocation(const FailingAllocation&) = delete;
    FailingAllocation& operator=(const FailingAllocation&) = delete;

    bool met() const;
};

/// Allocations of the calling thread never fail.
void never_fail_here();

/// Blocks from operator new that were not deleted yet.
std::int64_t live_blocks();

} // namespace tz::soak
