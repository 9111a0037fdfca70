// What the lanes of one load share.
#pragma once

#include <tz/engine/keys.hpp>
#include <tz/engine/options.hpp>
#include <tz/engine/plan.hpp>
#include <tz/engine/source.hpp>
#include <tz/engine/transform.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

namespace tz {

/// Bounds the memory that some loads need beside the lanes' staging: for headers larger than a
/// chunk, and for tensors that must be gathered though they go nowhere. Tickets are served in
/// order.
class ScratchBudget {
public:
    explicit ScratchBudget(std::uint64_t bytes) : bytes_(bytes) {}

    std::uint64_t bytes() const { return bytes_; }

    /// Waits until `bytes` (at most `bytes()`) are free and takes them.
    awaitable<void> take(std::uint64_t bytes);
    void give_back(std::uint64_t bytes);

    /// The most that was taken at one time.
    std::uint64_t peak() const { return peak_; }

private:
    std::uint64_t bytes_;
    std::atomic<std::uint64_t> taken_ = 0;
    std::atomic<std::uint64_t> given_back_ = 0;
    std::atomic<std::uint64_t> peak_ = 0;
    Gate freed_;
};

/// One load. Outlives its lanes; the arrivals live in it.
struct Job {
    Job(const Source& source,
        const format::Layout& layout,
        const LoadOptions& options,
        const PlanOptions& plan,
        std::uint64_t scratch_bytes);

    const Source& source;
    const format::Layout& layout;
    const LoadOptions& options;
    Plan plan;
    Keys keys;
    std::vector<Arrival> arrivals;
    std::shared_ptr<HostMemory> memory; ///< with Memory::owned
    HostLayout host;
    Transform transform;
    ScratchBudget scratch;
    ReadCounters read;
    std::uint64_t bytes_total = 0; ///< of data in the file
    std::atomic<std::uint64_t> bytes_done = 0;
    std::atomic<std::uint64_t> tensors_done = 0;
};

} // namespace tz
