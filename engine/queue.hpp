// Who gets which chunk: one queue for each host of a load. And which of its lanes work at all.
#pragma once

#include <tz/engine/async.hpp>
#include <tz/engine/gate.hpp>
#include <tz/engine/plan.hpp>

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <span>
#include <vector>

namespace tz {

/// What a queue is made from.
struct QueueOptions {
    std::vector<std::uint32_t> sources; ///< whose chunks it deals
    /// How many tensors are under way at once, so that sequential hashes can run side by side. At
    /// most `lanes`.
    unsigned spans = 1;
    unsigned lanes = 1;     ///< that work from the start
    unsigned lanes_max = 1; ///< that it has
};

/// What a lane is told when it asks for a chunk.
struct Draw {
    const Chunk* chunk = nullptr;  ///< null: it parks, or nothing is left
    std::uint64_t parks_until = 0; ///< a value of Queue::wakes(); 0: it doesn't park
};

/// Deals the chunks of some sources in the order of the plan to the lanes 0 up to `lanes_max`. Only
/// as many of them work as are wanted; the others park. Any thread.
///
/// Nobody waits for ever, however lanes are parked:
/// - A lane parks between chunks, so what it drew is through all stages: it holds no chunk, staging
///   or turn that others wait for. What lanes wait for while they hold a chunk, a header or the
///   turn in a hash, comes with an earlier chunk of the same tensor. Those are dealt in file
///   order: that chunk is with a lane that doesn't park before it is through.
/// - The exception is memory beside the staging (`Job::scratch`), which one tensor keeps until its
///   last chunk is through, and that one may not be dealt yet. So no lane parks while such memory
///   is taken (`may_park`): the lane that took it goes on with the same tensor until all of it is
///   dealt, since it draws from the span of its own lane.
/// - Lane 0 never parks, and draws from other spans when its own has nothing left.
///
/// So that tensors are complete in their order too, a span has a lane at work as long as it has a
/// tensor under way: the lanes with a number below `spans` park between tensors only.
class Queue {
public:
    Queue(std::span<const Chunk> chunks, const QueueOptions& options);

    /// The next chunk for `lane`, with those of the same piece. The chunks of a tensor are dealt in
    /// file order, so whatever a chunk waits for is already with a lane.
    Draw draw(unsigned lane, bool may_park = true);

    /// What a parked lane waits at. It draws again then, and may have to park again.
    Gate& wakes() { return wakes_; }

    /// From now on `lanes` of them work: at least 1, at most all.
    void want(unsigned lanes);

    unsigned wanted() const;
    /// The most that were wanted at one time.
    unsigned wanted_most() const;
    /// Lanes that have a chunk, or had one and have not asked since.
    unsigned working() const;
    /// Whether every chunk is dealt.
    bool empty() const;

private:
    /// The chunks of a tensor that is under way, one chunk of small ones, or all of a file that is
    /// checked by pieces; places in `order_`.
    struct Span {
        std::size_t next = 0;
        std::size_t end = 0;
    };

    bool must_park(unsigned lane) const;
    const Chunk* next(unsigned lane);
    void begin_next(Span& span);
    bool continues(std::size_t place) const;

    std::span<const Chunk> chunks_;
    /// The queue's own, by their places in the plan; of the chunks of a piece the first.
    std::vector<std::uint32_t> order_;
    Gate wakes_;
    mutable std::mutex mutex_; ///< of what follows
    std::size_t next_ = 0;     ///< in `order_`: the first that no span has
    std::size_t left_;         ///< not dealt yet
    std::vector<Span> spans_;
    std::vector<char> works_; ///< by lane
    unsigned wanted_;
    unsigned wanted_most_;
    std::uint64_t wake_ = 0; ///< value of `wakes_`
};

} // namespace tz
