// What the readers of ranges keep while they read one: for their own sources alone.
#pragma once

#include <tz/protocols/open_connection.hpp>
#include <tz/protocols/range_reader.hpp>

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace tz {

/// The status of an answer that may have a part of the object.
bool is_object(unsigned status);

/// One range on its way.
struct RangeReader::Transfer {
    Transfer(const HttpSource& source, std::uint64_t from)
        : offset(from),
          retry(source.retry(), source.budget(), std::chrono::steady_clock::now()) {}

    /// Where the next `n` bytes go.
    void next(std::uint64_t n, std::vector<std::span<std::byte>>& parts) const {
        parts.clear();
        std::uint64_t at = done;
        for (const std::span<std::byte> piece : to) {
            if (at >= piece.size()) {
                at -= piece.size();
                continue;
            }
            const std::size_t size = std::min<std::uint64_t>(piece.size() - at, n);
            parts.push_back(piece.subspan(static_cast<std::size_t>(at), size));
            at = 0;
            n -= size;
            if (n == 0)
                break;
        }
    }

    /// The value of Range for what is missing; "" for the whole object.
    std::string range() const {
        if (unranged)
            return {};
        return "bytes=" + std::to_string(offset + done) + '-' + std::to_string(offset + bytes - 1);
    }

    std::uint64_t offset;
    std::vector<std::span<std::byte>> to;
    std::uint64_t bytes = 0; ///< that are wanted; fewer, once it is known that there are fewer
    std::uint64_t done = 0;
    Retry retry;
    std::unique_ptr<ConnectionPool::Lease> reserved; ///< for the first attempt
    std::string reserved_way;
    std::optional<Place> place; ///< that the last answer led to
    /// Some servers refuse any range of an empty object, and don't say that it is empty.
    bool unranged = false;
    unsigned elsewhere = 0; ///< times that a place was forgotten
    bool renew = false;     ///< the first attempt opens a connection
    unsigned fruitless = 0; ///< new connections without an answer, one after the other
};

/// One request, and what became of it.
struct RangeReader::Attempt {
    Attempt() = default;
    Attempt(const Attempt&) = delete;
    Attempt& operator=(const Attempt&) = delete;

    Place place;
    Question question;
    std::unique_ptr<ConnectionPool::Lease> lease;
    bool fresh = false;                 ///< the connection was opened for this
    bool answered = false;              ///< the head came
    std::chrono::nanoseconds latency{}; ///< that it took, on an open connection
    bool moved = false;                 ///< it led elsewhere
    ReplyHead head;
    std::string text; ///< of an answer that is no object
    std::optional<S3Error> error;
    std::uint64_t begin = 0;   ///< `Transfer::done` before
    std::string range;         ///< as Transfer gave it
    bool taking = false;       ///< the body goes to where it belongs
    std::uint64_t skipped = 0; ///< bytes of the body that come before those that are wanted
    Outcome outcome;

    Connection& connection() const { return *lease->connection; }
};

} // namespace tz
