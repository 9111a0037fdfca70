// How many bytes a socket waits for before it wakes who waits for it, and how many it then gives.
#pragma once

#include <algorithm>
#include <cstddef>
#include <sys/socket.h>

namespace tz {

/// Taken from a connection without a pause, before others of the loop have their turn.
constexpr std::size_t burst_max = 1 << 20;

/// SO_RCVLOWAT of one socket. A link that is slower than the reader brings a packet at a time; to
/// wake up for each costs several times what copying it does. An end or a fault wakes at once, and
/// so does a full receive buffer, however little it holds.
class LowWater {
public:
    // Far below the usual limit of a receive buffer (tcp_rmem, 6 MiB), so that the sender never
    // waits for the reader to wake.
    static constexpr std::size_t bytes_max = 256 << 10;

    /// `missing`: as many are certain to come, or it would wait for ever. 0 is for any.
    void expect(int socket, std::size_t missing) {
        const int wanted = static_cast<int>(std::clamp<std::size_t>(missing, 1, bytes_max));
        // a system that refuses wakes more often
        if (wanted != at_ &&
            ::setsockopt(socket, SOL_SOCKET, SO_RCVLOWAT, &wanted, sizeof wanted) == 0)
            at_ = wanted;
    }

private:
    int at_ = 1;
};

} // namespace tz
