// Streams that a coroutine has enqueued work on, whose memory stays until that is done.
#pragma once

#include <tz/cuda/stream.hpp>

#include <algorithm>
#include <vector>

namespace tz::cuda {

/// Who leaves without having waited for each, waits here: there was no memory for more, or the
/// coroutine was given up. Outlived by the streams.
class Enqueued {
public:
    Enqueued() = default;

    ~Enqueued() {
        for (Stream* stream : streams_)
            stream->synchronize();
    }

    Enqueued(const Enqueued&) = delete;
    Enqueued& operator=(const Enqueued&) = delete;

    /// Before work is enqueued there.
    void add(Stream& stream) {
        if (std::find(streams_.begin(), streams_.end(), &stream) == streams_.end())
            streams_.push_back(&stream);
    }

    bool all_done() const { return streams_.empty(); }

    Stream& next() const { return *streams_.back(); }

    void next_is_done() { streams_.pop_back(); }

private:
    std::vector<Stream*> streams_;
};

} // namespace tz::cuda
