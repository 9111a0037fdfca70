#include <tz/engine/alignment.hpp>
#include <tz/engine/file_calls.hpp>
#include <tz/protocols/descriptor.hpp>
#include <tz/protocols/file.hpp>
#include <tz/protocols/file_facts.hpp>

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <linux/magic.h>
#include <map>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

namespace tz {

namespace {

// The arguments of cachestat(2).
struct CacheRange {
    std::uint64_t offset;
    std::uint64_t bytes;
};

struct CacheStat {
    std::uint64_t cached;
    std::uint64_t dirty;
    std::uint64_t writeback;
    std::uint64_t evicted;
    std::uint64_t recently_evicted;
};

} // namespace

std::int64_t cached_pages(int fd, std::uint64_t offset, std::uint64_t bytes) {
    constexpr long cachestat = 451; // newer than our headers
    CacheRange range{offset, bytes};
    CacheStat stat{};
    if (::syscall(cachestat, fd, &range, &stat, 0) != 0)
        return -1;
    return static_cast<std::int64_t>(stat.cached);
}

std::size_t direct_alignment_of(int fd) {
    struct ::statx facts{};
#ifdef STATX_DIOALIGN
    if (::statx(fd, "", AT_EMPTY_PATH, STATX_DIOALIGN, &facts) == 0 &&
        (facts.stx_mask & STATX_DIOALIGN) != 0)
        return std::max<std::size_t>(
            {facts.stx_dio_mem_align, facts.stx_dio_offset_align, direct_alignment});
#endif
    (void)fd;
    (void)facts;
    return direct_alignment;
}

[[noreturn]] void fail_to_open(const std::string& path, int error) {
    const errc kind = kind_of_errno(error);
    const char* hint = kind == errc::not_found ? "check the path"
                       : kind == errc::denied  ? "check its permissions"
                                               : "";
    throw Error(kind, "open: " + system_message(error), {}, hint).in(path);
}

FileFacts file_facts(const std::string& path) {
    FileFacts facts;
    struct ::statfs system{};
    if (::statfs(path.c_str(), &system) != 0)
        fail_to_open(path, errno);
    static const std::map<std::uint64_t, const char*> names{
        {EXT4_SUPER_MAGIC, "ext4"},
        {XFS_SUPER_MAGIC, "xfs"},
        {BTRFS_SUPER_MAGIC, "btrfs"},
        {TMPFS_MAGIC, "tmpfs"},
        {NFS_SUPER_MAGIC, "nfs"},
        {OVERLAYFS_SUPER_MAGIC, "overlay"},
        {0x65735546, "fuse"},
        {0xff534d42, "cifs"},
        {0x0bd00bd0, "lustre"},
        {0x2fc12fc1, "zfs"},
        {F2FS_SUPER_MAGIC, "f2fs"}};
    const auto name = names.find(static_cast<std::uint64_t>(system.f_type));
    facts.filesystem = name != names.end() ? name->second : "type " + std::to_string(system.f_type);
    Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (file.get() < 0)
        fail_to_open(path, errno);
    struct ::stat stat{};
    if (::fstat(file.get(), &stat) == 0 &&
        S_ISDIR(stat.st_mode)) // its filesystem is what is asked about
        file = Descriptor(::open(path.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
    facts.cachestat = cached_pages(file.get(), 0, 1) >= 0;
    facts.alignment = static_cast<std::uint32_t>(direct_alignment_of(file.get()));
    const std::string self = "/proc/self/fd/" + std::to_string(file.get());
    facts.direct = Descriptor(::open(self.c_str(), O_RDONLY | O_DIRECT | O_CLOEXEC)).get() >= 0;
    return facts;
}

} // namespace tz
