#include <tz/engine/loop.hpp>
#include <tz/engine/memory.hpp>
#include <tz/engine/part_target.hpp>

#include <algorithm>
#include <cassert>
#include <cstring>
#include <map>
#include <mutex>
#include <utility>

namespace tz {

namespace {

class PartTarget final : public Target {
public:
    PartTarget(std::shared_ptr<Target> target, std::uint64_t bytes)
        : Target(target->name()),
          target_(std::move(target)),
          bytes_(bytes),
          part_bytes_(target_->shape(bytes).part_bytes) {}

    TargetShape shape(std::uint64_t /*bytes*/) const override { return {}; }

    awaitable<void> begin(Loop& loop, std::uint64_t bytes) override {
        assert(bytes == bytes_);
        return target_->begin(loop, bytes);
    }

    awaitable<void>
    write(Loop& loop, std::span<const std::byte> bytes, std::uint64_t offset) override {
        while (!bytes.empty()) {
            const std::uint64_t number = offset / part_bytes_;
            const std::uint64_t begin = number * part_bytes_;
            const auto size = std::min<std::uint64_t>(bytes.size(), begin + part_bytes_ - offset);
            const auto here = bytes.first(size);
            if (size == size_of(number))
                co_await target_->write(loop, here, offset);
            else
                co_await collect(loop, here, offset);
            bytes = bytes.subspan(size);
            offset += size;
        }
    }

    awaitable<void> sync(Loop& loop) override { return target_->sync(loop); }

    awaitable<void> publish(Loop& loop) override {
        assert(parts_.empty());
        return target_->publish(loop);
    }

    awaitable<void> abandon(Loop& loop, std::chrono::steady_clock::time_point until) override {
        parts_.clear();
        return target_->abandon(loop, until);
    }

private:
    struct Part {
        explicit Part(std::size_t bytes) : memory(bytes), missing(bytes) {}

        HostMemory memory;
        std::size_t missing;
    };

    std::uint64_t size_of(std::uint64_t number) const {
        return std::min(part_bytes_, bytes_ - number * part_bytes_);
    }

    std::shared_ptr<Part> part_of(std::uint64_t number) {
        const std::lock_guard lock(mutex_);
        std::shared_ptr<Part>& part = parts_[number];
        if (!part)
            part = std::make_shared<Part>(size_of(number));
        return part;
    }

    /// True for who brought the last of it: the part is then theirs.
    bool brought(std::uint64_t number, Part& part, std::size_t bytes) {
        const std::lock_guard lock(mutex_);
        part.missing -= bytes;
        if (part.missing > 0)
            return false;
        parts_.erase(number);
        return true;
    }

    awaitable<void> collect(Loop& loop, std::span<const std::byte> bytes, std::uint64_t offset) {
        const std::uint64_t number = offset / part_bytes_;
        const std::uint64_t begin = number * part_bytes_;
        const std::shared_ptr<Part> part = part_of(number);
        auto copy = [&part, bytes, place = offset - begin] {
            std::memcpy(part->memory.bytes().data() + place, bytes.data(), bytes.size());
        };
        co_await loop.workers().run(std::move(copy));
        if (brought(number, *part, bytes.size()))
            co_await target_->write(loop, part->memory.bytes().first(size_of(number)), begin);
    }

    std::shared_ptr<Target> target_;
    const std::uint64_t bytes_;
    const std::uint64_t part_bytes_;
    std::mutex mutex_;
    std::map<std::uint64_t, std::shared_ptr<Part>> parts_; ///< by number; not whole yet
};

} // namespace

std::shared_ptr<Target> any_range(std::shared_ptr<Target> target, std::uint64_t bytes) {
    if (target->shape(bytes).part_bytes == 0)
        return target;
    return std::make_shared<PartTarget>(std::move(target), bytes);
}

} // namespace tz
