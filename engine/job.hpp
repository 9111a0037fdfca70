// What the lanes of one load share.
#pragma once

#include <tz/engine/delivery.hpp>
#include <tz/engine/hash_queue.hpp>
#include <tz/engine/keys.hpp>
#include <tz/engine/mapping.hpp>
#include <tz/engine/memory.hpp>
#include <tz/engine/meter.hpp>
#include <tz/engine/options.hpp>
#include <tz/engine/plan.hpp>
#include <tz/engine/queue.hpp>
#include <tz/engine/reader.hpp>
#include <tz/engine/transform.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
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

    /// Whether some of it is taken or waited for. Never false to who has some.
    bool in_use() const {
        const std::uint64_t given_back = given_back_; // first: what comes after only takes more
        return taken_ != given_back;
    }

    /// The most that was taken at one time.
    std::uint64_t peak() const { return peak_; }

private:
    std::uint64_t bytes_;
    std::atomic<std::uint64_t> taken_ = 0;
    std::atomic<std::uint64_t> given_back_ = 0;
    std::atomic<std::uint64_t> peak_ = 0;
    Gate freed_;
};

/// One file of a load.
struct JobFile {
    const Source* source;
    const format::Layout* layout;
    std::unique_ptr<Keys> keys;
    std::shared_ptr<const Mapping> mapping; ///< with Memory::mapped, where it serves
};

/// One load, or one pass over its files. Outlives its lanes; the arrivals live in it.
struct Job {
    Job(std::vector<JobFile> files,
        std::vector<Item> items,
        const LoadOptions& options,
        const PlanOptions& plan,
        std::span<const QueueOptions> queues,
        std::uint64_t scratch_bytes);

    /// Gives each item its destination. `destination(item)` is asked with Memory::given.
    void settle(const std::function<std::span<std::byte>(const Item&)>& destination);

    const format::Tensor& tensor(std::size_t item) const { return *items[item].tensor; }

    /// Bytes that are read though nobody wants them: between tensors, and between the runs of a
    /// slice.
    std::uint64_t gap_bytes() const;

    /// Whether the item is handed out as pages of its file.
    bool is_mapped(std::size_t item) const;

    std::vector<JobFile> files;
    std::vector<Item> items; ///< in the order in which they are dealt
    const LoadOptions& options;
    Plan plan;
    std::vector<std::unique_ptr<Queue>> queues; ///< each chunk is in one of them
    std::vector<Arrival> arrivals;              ///< by item
    std::vector<std::span<std::byte>> homes;    ///< by item: what is handed out
    std::shared_ptr<HostMemory> memory;         ///< of the homes that are owned
    Transform transform;
    HashQueue hashes;
    ScratchBudget scratch;
    Meter meter;
    std::unique_ptr<Delivery> delivery;
    std::uint64_t bytes_total = 0; ///< of data that is read
    std::atomic<std::uint64_t> bytes_done = 0;
    std::atomic<std::uint64_t> tensors_done = 0;
    std::uint64_t mapped_bytes = 0;
    std::atomic<bool> refetch_logged = false;
};

} // namespace tz
