#include <tz/engine/block_edges.hpp>
#include <tz/engine/file_target.hpp>
#include <tz/engine/loop.hpp>
#include <tz/engine/memory.hpp>
#include <tz/format/error.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/error.hpp>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

namespace tz {

namespace {

// EINTR and EAGAIN come alone or in small groups; a write that gets nowhere this often is broken.
constexpr int passing_faults_max = 128;

/// Memory that a direct write can take, used again and again: as much as lanes write at once.
class Copies {
public:
    std::unique_ptr<HostMemory> take(std::size_t bytes) {
        {
            const std::lock_guard lock(mutex_);
            const auto fits = std::ranges::find_if(
                free_, [bytes](const auto& memory) { return memory->bytes().size() >= bytes; });
            if (fits != free_.end()) {
                auto memory = std::move(*fits);
                free_.erase(fits);
                return memory;
            }
        }
        return std::make_unique<HostMemory>(bytes);
    }

    void give_back(std::unique_ptr<HostMemory> memory) {
        const std::lock_guard lock(mutex_);
        free_.push_back(std::move(memory));
    }

private:
    std::mutex mutex_;
    std::vector<std::unique_ptr<HostMemory>> free_;
};

bool fits_direct(std::span<const std::byte> bytes) {
    return reinterpret_cast<std::uintptr_t>(bytes.data()) % direct_alignment == 0;
}

class FileTarget final : public Target {
public:
    FileTarget(std::string path, Existing existing)
        : Target(path),
          file_(std::make_unique<NewFile>(std::move(path), existing)) {}

    TargetShape shape(std::uint64_t /*bytes*/) const override { return {}; }

    awaitable<void> begin(Loop& loop, std::uint64_t bytes) override {
        bytes_ = bytes;
        edges_.emplace(bytes);
        auto reserve = [this] { file_->reserve(bytes_); };
        co_await loop.blocking().run(std::move(reserve));
    }

    awaitable<void>
    write(Loop& loop, std::span<const std::byte> bytes, std::uint64_t offset) override {
        const std::uint64_t end = offset + bytes.size();
        const std::uint64_t first = std::min(round_up(offset, direct_alignment), end);
        const std::uint64_t last = std::max(round_down(end, direct_alignment), first);
        co_await write_edge(loop, bytes.first(first - offset), offset);
        co_await write_blocks(loop, bytes.subspan(first - offset, last - first), first);
        co_await write_edge(loop, bytes.subspan(last - offset), last);
    }

    awaitable<void> sync(Loop& loop) override {
        assert(edges_->empty());
        auto sync = [this] {
            file_->cut(bytes_); // behind the end of the last block
            file_->sync();
        };
        co_await loop.blocking().run(std::move(sync));
        synced_ = true;
    }

    awaitable<void> publish(Loop& loop) override {
        if (!synced_)
            co_await sync(loop);
        auto publish = [this] { file_->publish(); };
        co_await loop.blocking().run(std::move(publish));
    }

    awaitable<void> abandon(Loop& loop, std::chrono::steady_clock::time_point /*until*/) override {
        auto remove = [this] { file_.reset(); };
        co_await loop.blocking().run(std::move(remove));
    }

private:
    awaitable<void> write_edge(Loop& loop, std::span<const std::byte> bytes, std::uint64_t offset) {
        if (bytes.empty())
            co_return;
        const std::unique_ptr<Block> block = edges_->add(bytes, offset);
        if (block)
            co_await write_all(loop, block->bytes, round_down(offset, direct_alignment));
    }

    awaitable<void>
    write_blocks(Loop& loop, std::span<const std::byte> bytes, std::uint64_t offset) {
        if (bytes.empty())
            co_return;
        if (!direct() || fits_direct(bytes))
            co_return co_await write_all(loop, bytes, offset);
        std::unique_ptr<HostMemory> copy;
        auto make = [this, &copy, bytes] {
            copy = copies_.take(bytes.size());
            std::memcpy(copy->bytes().data(), bytes.data(), bytes.size());
        };
        co_await loop.workers().run(std::move(make));
        co_await write_all(loop, copy->bytes().first(bytes.size()), offset);
        copies_.give_back(std::move(copy));
    }

    bool direct() const { return !refused_ && file_->direct_file() >= 0; }

    awaitable<void> write_all(Loop& loop, std::span<const std::byte> bytes, std::uint64_t offset) {
        int faults = 0;
        while (!bytes.empty()) {
            const bool direct = this->direct();
            const int fd = direct ? file_->direct_file() : file_->file();
            std::size_t done = 0;
            int error = 0;
            if (Ring* ring = loop.ring()) {
                auto [ec, count] =
                    co_await ring->write(fd, bytes, offset, asio::as_tuple(use_awaitable));
                if (ec == asio::error::operation_aborted)
                    throw boost::system::system_error(ec);
                error = ec.value();
                done = count;
            } else {
                auto write = [fd, bytes, offset, &done, &error] {
                    error = NewFile::write_once(fd, bytes, offset, done);
                };
                co_await loop.blocking().run(std::move(write));
            }
            if ((error == EINTR || error == EAGAIN) && ++faults < passing_faults_max)
                continue;
            if (error == EINVAL && direct) { // some filesystems refuse at the first write
                refused_ = true;
                continue;
            }
            if (error != 0 || done == 0)
                file_->fail("write", error != 0 ? error : EIO, offset);
            faults = 0;
            bytes = bytes.subspan(done);
            offset += done;
        }
    }

    std::unique_ptr<NewFile> file_;
    std::uint64_t bytes_ = 0;
    std::optional<BlockEdges> edges_;
    Copies copies_;
    std::atomic<bool> refused_ = false; ///< direct writes, by the filesystem
    bool synced_ = false;
};

} // namespace

std::unique_ptr<Target> file_target(std::string path, Existing existing) {
    return std::make_unique<FileTarget>(std::move(path), existing);
}

} // namespace tz
