#include <tz/engine/loop.hpp>
#include <tz/engine/mapping.hpp>
#include <tz/format/error.hpp>

#include <cerrno>
#include <string>
#include <sys/mman.h>
#include <unistd.h>
#include <utility>

namespace tz {

namespace {

// Linux 5.14; older headers lack it, older kernels answer EINVAL.
constexpr int populate_read = 22;

struct Pages {
    void* begin;
    std::size_t bytes;
};

/// That hold the range.
Pages pages_of(std::span<std::byte> range) {
    static const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
    const auto begin = reinterpret_cast<std::uintptr_t>(range.data()) / page * page;
    const auto end = reinterpret_cast<std::uintptr_t>(range.data()) + range.size();
    return {reinterpret_cast<void*>(begin), end - begin};
}

/// Asks the device for all of a range that isn't cached, at once. What page faults ask for comes
/// piece by piece, and in large pieces of memory, which a virtual machine may have to get back from
/// its host (see huge_pages.hpp); this takes small pages. Where the kernel refuses, it's the
/// faults.
void read_ahead(std::span<std::byte> range) {
    const Pages pages = pages_of(range);
    ::madvise(pages.begin, pages.bytes, MADV_WILLNEED);
}

class MappedReader final : public Reader {
public:
    MappedReader(
        std::unique_ptr<Reader> file, const Mapping& mapping, Loop& loop, ReadCounters& counters)
        : file_(std::move(file)),
          mapping_(mapping),
          loop_(loop),
          counters_(counters) {}

    // A mapping has no way past the page cache.
    Route route(std::uint64_t offset, std::size_t bytes) override {
        return file_->route(offset, bytes) == Route::cached ? Route::cached : Route::buffered;
    }

    awaitable<void>
    read(Route route, std::uint64_t, std::span<const Buffer> to, std::size_t need) override {
        auto populate = [this, to, cached = route == Route::cached] {
            const CpuCount count(counters_);
            for (const Buffer& buffer : to) {
                if (!cached)
                    read_ahead(buffer.bytes);
                mapping_.populate(buffer.bytes);
            }
        };
        auto& threads = route == Route::cached ? loop_.workers() : loop_.blocking();
        co_await threads.run(std::move(populate), Urgency::last);
        counters_.bytes += need;
    }

private:
    std::unique_ptr<Reader> file_; ///< knows what is cached
    const Mapping& mapping_;
    Loop& loop_;
    ReadCounters& counters_;
};

} // namespace

Mapping::Mapping(int fd, std::uint64_t bytes) : size_(bytes) {
    if (bytes == 0)
        return;
    void* data = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, fd, 0);
    if (data == MAP_FAILED)
        throw Error(
            errno == ENOMEM ? errc::limit : errc::io,
            "the file can't be mapped: " + system_message(errno),
            {},
            "load it without mapping");
    data_ = static_cast<std::byte*>(data);
}

Mapping::~Mapping() {
    if (data_ != nullptr)
        ::munmap(data_, size_);
}

void Mapping::populate(std::span<std::byte> range) const {
    const Pages pages = pages_of(range);
    while (::madvise(pages.begin, pages.bytes, populate_read) != 0) {
        const int error = errno;
        if (error == EINTR || error == EAGAIN)
            continue;
        if (error == EINVAL || error == ENOMEM)
            return; // an old kernel, or no memory now: the pages come on first use
        const auto offset = static_cast<std::uint64_t>(range.data() - data_);
        if (error == EFAULT)
            throw Error(
                errc::object_changed,
                "the mapped file lost pages: it shrank during the load",
                offset,
                "load it again when nobody writes it");
        throw Error(
            errc::io,
            "read of mapped pages: " + system_message(error),
            offset,
            "check the disk and the system's log");
    }
}

std::unique_ptr<Reader> make_mapped_reader(
    std::unique_ptr<Reader> file, const Mapping& mapping, Loop& loop, ReadCounters& counters) {
    return std::make_unique<MappedReader>(std::move(file), mapping, loop, counters);
}

} // namespace tz
