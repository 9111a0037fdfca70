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

[[noreturn]] void fail(const std::string& path, const char* doing, int error) {
    const errc kind = error == EACCES || error == EPERM || error == EROFS ? errc::denied
                      : error == ENOENT || error == ENOTDIR               ? errc::not_found
                      : error == ENOSPC || error == EDQUOT                ? errc::limit
                                                                          : errc::io;
    throw Error(kind, std::string(doing) + ": " + system_message(error)).in(path);
}

struct File {
    File(const std::string& its_path, int flags)
        : path(its_path),
          fd(::open(path.c_str(), flags | O_CLOEXEC | O_NONBLOCK)) {
        if (fd < 0)
            fail(path, "open", errno);
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
                fail(path, "read", errno);
            if (got == 0)
                break;
            had += static_cast<std::size_t>(got);
        }
        return had;
    }

    void write(std::span<const std::byte> bytes, std::uint64_t offset) const {
        while (!bytes.empty()) {
            const auto done = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
            if (done < 0 && errno == EINTR)
                continue;
            if (done <= 0)
                fail(path, "write", done < 0 ? errno : EIO);
            bytes = bytes.subspan(static_cast<std::size_t>(done));
            offset += static_cast<std::uint64_t>(done);
        }
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
        fail(file.path, "fstat", errno);
    std::vector<std::byte> index(found.index.size());
    const bool same = static_cast<std::uint64_t>(facts.st_size) == found.layout.file_bytes &&
                      file.read(index, 0) == index.size() && index == found.index;
    if (!same)
        throw Error(errc::object_changed, "the file was changed meanwhile", {}, "try again")
            .in(file.path);
}

void sync_folder_of(const std::string& path) {
    const auto slash = path.rfind('/');
    const std::string folder = slash == path.npos ? "." : path.substr(0, slash + 1);
    const File file(folder, O_RDONLY | O_DIRECTORY);
    if (::fsync(file.fd) != 0)
        fail(path, "fsync of its folder", errno);
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
        file.write(step.bytes, step.offset);
        if (::fdatasync(file.fd) != 0)
            fail(path, "fdatasync", errno);
    }
}

bool sidecar_exists(const std::string& path) {
    struct ::stat facts{};
    if (::stat(path.c_str(), &facts) != 0) {
        if (errno == ENOENT)
            return false;
        fail(path, "stat", errno);
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
        fail(path, "remove", errno);
    sync_folder_of(path);
}

} // namespace tz
