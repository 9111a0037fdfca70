#include <tz/engine/alignment.hpp>
#include <tz/engine/loop.hpp>
#include <tz/engine/machine.hpp>
#include <tz/engine/mapping.hpp>
#include <tz/engine/reader.hpp>
#include <tz/format/error.hpp>
#include <tz/protocols/descriptor.hpp>
#include <tz/protocols/file.hpp>
#include <tz/protocols/file_facts.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <fcntl.h>
#include <optional>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>
#include <vector>

namespace tz {

namespace {

// EINTR and EAGAIN come alone or in small groups; a read that gets nowhere this often is broken.
constexpr int passing_faults_max = 128;

[[noreturn]] void fail(int error, const char* doing, std::uint64_t offset) {
    throw Error(
        errc::io,
        std::string(doing) + ": " + system_message(error),
        offset,
        "check the disk and the system's log");
}

[[noreturn]] void ended_early(std::uint64_t at, std::uint64_t needed) {
    throw Error(
        errc::object_changed,
        "the file ends where byte " + std::to_string(needed) +
            " was expected: it shrank during the load",
        at,
        "load it again when nobody writes it");
}

/// What identifies the content: the same inode, size and time of change.
struct Identity {
    dev_t device = 0;
    ino_t inode = 0;
    std::int64_t size = 0;
    std::int64_t seconds = 0;
    std::int64_t nanoseconds = 0;

    explicit Identity(const struct ::stat& stat)
        : device(stat.st_dev),
          inode(stat.st_ino),
          size(stat.st_size),
          seconds(stat.st_mtim.tv_sec),
          nanoseconds(stat.st_mtim.tv_nsec) {}

    bool operator==(const Identity&) const = default;
};

class FileSource;

class FileReader final : public Reader {
public:
    FileReader(const FileSource& file, Loop& loop, ReadCounters& counters)
        : file_(file),
          loop_(loop),
          counters_(counters) {}

    Route route(std::uint64_t offset, std::size_t bytes) override;
    awaitable<void>
    read(Route route, std::uint64_t offset, std::span<const Buffer> to, std::size_t need) override;

private:
    awaitable<std::size_t>
    read_direct(std::uint64_t offset, std::span<const Buffer> to, std::size_t need);
    std::size_t blocking_direct_read(std::uint64_t offset, std::span<const Buffer> to);
    awaitable<std::size_t> ring_read(std::uint64_t offset, std::span<const Buffer> to);
    void blocking_read(
        std::uint64_t offset, std::span<const Buffer> to, std::size_t done, std::size_t need);

    const FileSource& file_;
    Loop& loop_;
    ReadCounters& counters_;
    std::vector<iovec> pieces_; // of the read in flight
};

class FileSource final : public Source {
public:
    FileSource(const std::string& path, Direct direct, Descriptor file, const struct ::stat& stat)
        : Source(path, static_cast<std::uint64_t>(stat.st_size)),
          file_(std::move(file)),
          identity_(stat),
          mode_(direct) {
        if (direct == Direct::off)
            return;
        // A second descriptor of the same file, by way of /proc: the name may mean another one by
        // now.
        const std::string self = "/proc/self/fd/" + std::to_string(file_.get());
        direct_ = Descriptor(::open(self.c_str(), O_RDONLY | O_DIRECT | O_CLOEXEC));
        alignment_ = direct_alignment_of(file_.get());
        // Larger blocks than any device has would not fit the margins of a buffer.
        direct_works_ = direct_.get() >= 0 && alignment_ == direct_alignment;
    }

    std::size_t alignment() const override { return alignment_; }

    std::unique_ptr<Reader> reader(Loop& loop, ReadCounters& counters) const override {
        return std::make_unique<FileReader>(*this, loop, counters);
    }

    std::shared_ptr<const Mapping> map() const override {
        return std::make_shared<Mapping>(file_.get(), bytes());
    }

    void check_unchanged() const override {
        struct ::stat now{};
        if (::fstat(file_.get(), &now) == 0 && Identity(now) == identity_)
            return;
        throw Error(
            errc::object_changed,
            "the file was written to during the load",
            {},
            "load it again when nobody writes it");
    }

    int file() const { return file_.get(); }

    int direct_file() const { return direct_.get(); }

    Direct mode() const { return mode_; }

    /// Whether nearly all of the range is in the page cache, by a sample of its pages; nothing
    /// where the kernel can't or won't tell, and then for good.
    std::optional<bool> cached(std::uint64_t offset, std::size_t bytes) const;

    bool large() const { return large_; }

    bool direct_works() const { return direct_works_; }

    /// Logged once: when it was asked for and can't be, or the filesystem refuses it while reading.
    void direct_is_refused(const Loop& loop) const {
        direct_works_ = false;
        if (!refusal_logged_.exchange(true))
            loop.log(
                LogLevel::warning,
                name() + ": the filesystem refuses direct reads; reading through the page cache");
    }

private:
    Descriptor file_;
    Descriptor direct_;
    Identity identity_;
    Direct mode_;
    std::size_t alignment_ = direct_alignment;
    bool large_ = bytes() > memory_total() / 4;
    mutable std::atomic<bool> cache_unknown_ = false;
    mutable std::atomic<bool> refusal_logged_ = false;
    mutable std::atomic<bool> direct_works_ = false; ///< some filesystems refuse at the first read
};

std::optional<bool> FileSource::cached(std::uint64_t offset, std::size_t bytes) const {
    // The kernel takes 55 ns a page: for all pages of a chunk that is longer than everything else
    // that the loop does for it.
    constexpr std::uint64_t probes_max = 8;
    constexpr std::uint64_t probe_bytes = 64 << 10;
    if (cache_unknown_)
        return {};
    const std::uint64_t probes = std::clamp<std::uint64_t>(bytes / probe_bytes, 1, probes_max);
    const std::uint64_t probed = std::min<std::uint64_t>(bytes, probe_bytes);
    std::uint64_t cached = 0;
    std::uint64_t asked = 0;
    for (std::uint64_t i = 0; i < probes; ++i) {
        const std::uint64_t at = offset + bytes / probes * i;
        const std::int64_t pages = cached_pages(file_.get(), at, probed);
        cache_unknown_ = pages < 0;
        if (cache_unknown_)
            return {};
        cached += static_cast<std::uint64_t>(pages);
        asked += (at % 4096 + probed + 4095) / 4096;
    }
    return cached >= asked - asked / 8;
}

Route FileReader::route(std::uint64_t offset, std::size_t bytes) {
    const bool direct = file_.direct_works();
    if (file_.mode() == Direct::on) {
        if (direct)
            return Route::direct;
        file_.direct_is_refused(loop_);
    }
    const std::optional<bool> cached = file_.cached(offset, bytes);
    if (!cached) // a file that the cache can't hold well is read past it
        return direct && file_.large() ? Route::direct : Route::buffered;
    if (*cached)
        return Route::cached;
    return direct ? Route::direct : Route::buffered;
}

/// All of `to`, as the kernel wants it.
void list_pieces(std::span<const Buffer> to, std::vector<iovec>& pieces) {
    pieces.clear();
    for (const Buffer& buffer : to)
        if (!buffer.bytes.empty())
            pieces.push_back(iovec{buffer.bytes.data(), buffer.bytes.size()});
}

/// The parts of `to` behind its first `skip` bytes, up to where fresh memory reaches its next huge
/// page, which is touched.
void list_next_pieces(std::span<const Buffer> to, std::size_t skip, std::vector<iovec>& pieces) {
    pieces.clear();
    for (const Buffer& buffer : to) {
        const std::size_t skipped = std::min(skip, buffer.bytes.size());
        skip -= skipped;
        auto rest = buffer.bytes.subspan(skipped);
        if (buffer.fresh) {
            rest = HostMemory::first_block(rest);
            HostMemory::touch(rest);
        }
        if (!rest.empty())
            pieces.push_back(iovec{rest.data(), rest.size()});
        if (skipped + rest.size() < buffer.bytes.size())
            return;
    }
}

bool passing(int error) {
    return error == EINTR || error == EAGAIN;
}

bool refuses_direct(int error) {
    return error == EINVAL || error == EOPNOTSUPP;
}

awaitable<void>
FileReader::read(Route route, std::uint64_t offset, std::span<const Buffer> to, std::size_t need) {
    std::size_t done = 0;
    if (route == Route::direct) {
        done = co_await read_direct(offset, to, need);
        if (done >= need)
            co_return;
        ++counters_.retries; // refused, or cut short: the rest comes through the page cache
    }
    auto& threads = route == Route::cached ? loop_.workers() : loop_.blocking();
    auto job = [this, offset, to, done, need] { blocking_read(offset, to, done, need); };
    // behind the chunks that are there already, so that they are worked on while in the CPU's cache
    co_await threads.run(std::move(job), Urgency::last);
}

/// Reads past the page cache until `need` bytes are there or the kernel gives less than it was
/// asked for; returns how many there are.
awaitable<std::size_t>
FileReader::read_direct(std::uint64_t offset, std::span<const Buffer> to, std::size_t need) {
    std::size_t done = 0;
    if (loop_.ring() == nullptr) {
        auto job = [this, offset, to, &done] { done = blocking_direct_read(offset, to); };
        co_await loop_.blocking().run(std::move(job));
    } else {
        co_await touch_fresh(loop_, to, counters_);
        done = co_await ring_read(offset, to);
    }
    const std::size_t useful = std::min(done, need);
    counters_.bytes += useful;
    counters_.direct_bytes += useful;
    co_return done;
}

/// On a thread that may wait; 0 where the read was refused or interrupted.
std::size_t FileReader::blocking_direct_read(std::uint64_t offset, std::span<const Buffer> to) {
    const CpuCount cpu(counters_);
    touch_fresh(to);
    list_pieces(to, pieces_);
    const auto count = static_cast<int>(pieces_.size());
    const auto got =
        ::preadv(file_.direct_file(), pieces_.data(), count, static_cast<off_t>(offset));
    if (got >= 0)
        return static_cast<std::size_t>(got);
    if (refuses_direct(errno))
        file_.direct_is_refused(loop_);
    else if (!passing(errno))
        fail(errno, "read", offset);
    return 0;
}

awaitable<std::size_t> FileReader::ring_read(std::uint64_t offset, std::span<const Buffer> to) {
    for (int faults = 0;; ++faults) {
        error_code ec;
        std::size_t got = 0;
        if (to.size() == 1) {
            auto [error, bytes] = co_await loop_.ring()->read(
                file_.direct_file(),
                to.front().bytes,
                offset,
                to.front().index,
                asio::as_tuple(use_awaitable));
            ec = error;
            got = bytes;
        } else {
            list_pieces(to, pieces_);
            const std::span<const iovec> pieces(pieces_);
            auto [error, bytes] = co_await loop_.ring()->readv(
                file_.direct_file(), pieces, offset, asio::as_tuple(use_awaitable));
            ec = error;
            got = bytes;
        }
        if (!ec)
            co_return got;
        if (ec == asio::error::operation_aborted) {
            const auto state = co_await asio::this_coro::cancellation_state;
            if (state.cancelled() == asio::cancellation_type::none) // by the kernel, unasked
                fail(ECANCELED, "read", offset);
            throw boost::system::system_error(ec);
        }
        if (refuses_direct(ec.value())) {
            file_.direct_is_refused(loop_);
            co_return 0;
        }
        if (!passing(ec.value()) || faults == passing_faults_max)
            fail(ec.value(), "read", offset);
        ++counters_.retries;
    }
}

/// On a thread that may wait. `done` bytes are there already.
void FileReader::blocking_read(
    std::uint64_t offset, std::span<const Buffer> to, std::size_t done, std::size_t need) {
    constexpr std::size_t pieces_max = 1024; // IOV_MAX
    const CpuCount cpu(counters_);
    for (int faults = 0; done < need;) {
        list_next_pieces(to, done, pieces_);
        const auto count = static_cast<int>(std::min(pieces_.size(), pieces_max));
        const auto got =
            ::preadv(file_.file(), pieces_.data(), count, static_cast<off_t>(offset + done));
        if (got > 0) {
            done += static_cast<std::size_t>(got);
            counters_.bytes += static_cast<std::uint64_t>(got);
            faults = 0;
        } else if (got == 0) {
            ended_early(offset + done, offset + need);
        } else if (!passing(errno) || ++faults == passing_faults_max) {
            fail(errno, "read", offset + done);
        } else {
            ++counters_.retries;
        }
    }
}

} // namespace

std::shared_ptr<Source> open_file(const std::string& path, Direct direct) {
    // O_NONBLOCK: a FIFO without a writer would wait for one
    Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    if (file.get() < 0)
        fail_to_open(path, errno);
    struct ::stat stat{};
    if (::fstat(file.get(), &stat) != 0)
        fail_to_open(path, errno);
    if (!S_ISREG(stat.st_mode))
        throw Error(
            errc::io, S_ISDIR(stat.st_mode) ? "this is a directory" : "this is not a regular file")
            .in(path);
    return std::make_shared<FileSource>(path, direct, std::move(file), stat);
}

} // namespace tz
