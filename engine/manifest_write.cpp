#include <tz/engine/file_calls.hpp>
#include <tz/engine/manifest_write.hpp>
#include <tz/engine/new_file.hpp>
#include <tz/format/error.hpp>
#include <tz/format/manifest_place.hpp>
#include <tz/format/manifest_root.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

namespace tz {

namespace {

constexpr std::string_view sidecar_magic = "TZMANIF1";

struct File {
    File(const std::string& its_path, int flags)
        : path(its_path),
          fd(::open(path.c_str(), flags | O_CLOEXEC | O_NONBLOCK)) {
        if (fd < 0)
            fail_on(path, "open", errno);
    }

    ~File() { ::close(fd); }

    File(const File&) = delete;
    File& operator=(const File&) = delete;

    /// How much of `to` the file fills.
    std::size_t read(std::span<std::byte> to, std::uint64_t offset) const {
        std::size_t had = 0;
        while (had < to.size()) {
            const auto got =
                ::pread(fd, to.data() + had, to.size() - had, static_cast<off_t>(offset + had));
            if (got < 0 && errno == EINTR)
                continue;
            if (got < 0)
                fail_on(path, "read", errno);
            if (got == 0)
                break;
            had += static_cast<std::size_t>(got);
        }
        return had;
    }

    const std::string& path;
    const int fd;
};

/// That nobody else rewrites the file, and that it is still the one that was looked at.
void check_same(const File& file, const FoundManifest& found) {
    if (::flock(file.fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
        throw Error(errc::object_changed, "another process is writing to the file").in(file.path);
    struct ::stat facts{};
    if (::fstat(file.fd, &facts) != 0)
        fail_on(file.path, "fstat", errno);
    std::vector<std::byte> index(found.index.size());
    const bool same = static_cast<std::uint64_t>(facts.st_size) == found.layout.file_bytes &&
                      file.read(index, 0) == index.size() && index == found.index;
    if (!same)
        throw Error(errc::object_changed, "the file was changed meanwhile", {}, "try again")
            .in(file.path);
}

} // namespace

void write_inside(
    const std::string& path, const FoundManifest& found, std::span<const std::byte> manifest) {
    const format::Range unused = format::view_index(found.index, found.layout).unused();
    std::vector<format::RegionWrite> steps;
    try {
        steps = format::manifest_steps(unused, found.inside, manifest);
    } catch (const Error& error) {
        throw error.in(path);
    }
    const File file(path, O_RDWR);
    check_same(file, found);
    for (const format::RegionWrite& step : steps) {
        write_all(file.fd, path, step.bytes, step.offset);
        if (::fdatasync(file.fd) != 0)
            fail_on(path, "fdatasync", errno);
    }
}

bool sidecar_exists(const std::string& path) {
    struct ::stat facts{};
    if (::stat(path.c_str(), &facts) != 0) {
        if (errno == ENOENT)
            return false;
        fail_on(path, "stat", errno);
    }
    std::array<std::byte, sidecar_magic.size()> start{};
    const bool ours = S_ISREG(facts.st_mode) &&
                      File(path, O_RDONLY).read(start, 0) == start.size() &&
                      std::ranges::equal(start, std::as_bytes(std::span(sidecar_magic)));
    if (!ours)
        throw Error(errc::usage, "this is no manifest", {}, "move it out of the way").in(path);
    return true;
}

void write_sidecar(const std::string& path, std::span<const std::byte> manifest) {
    const bool exists = sidecar_exists(path);
    NewFile file(path, exists ? Existing::replaced : Existing::refused);
    file.write(manifest, 0);
    file.sync();
    file.publish();
}

void remove_sidecar(const std::string& path) {
    if (::unlink(path.c_str()) != 0)
        fail_on(path, "remove", errno);
    sync_folder_of(path);
}

} // namespace tz
