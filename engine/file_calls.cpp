#include <tz/engine/file_calls.hpp>

#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace tz {

errc kind_of_errno(int error) {
    switch (error) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return errc::limit;
    case EACCES:
    case EPERM:
    case EROFS:
        return errc::denied;
    case ENOENT:
    case ENOTDIR:
        return errc::not_found;
    default:
        return errc::io;
    }
}

void fail_on(const std::string& path, const char* doing, int error) {
    throw Error(kind_of_errno(error), std::string(doing) + ": " + system_message(error)).in(path);
}

void fail_to_make(const std::string& path, int error) {
    const std::string folder = folder_of(path);
    const std::string named = "the folder " + printable(folder);
    struct ::stat stat{};
    const bool there = ::stat(folder.c_str(), &stat) == 0;
    if (!there && (errno == ENOENT || errno == ENOTDIR))
        throw Error(errc::not_found, named + " does not exist", {}, "make it first").in(path);
    if (there && !S_ISDIR(stat.st_mode))
        throw Error(errc::not_found, printable(folder) + " is no folder", {}, "choose another one")
            .in(path);
    if (kind_of_errno(error) == errc::denied)
        throw Error(
            errc::denied,
            named + " may not be written to (" + system_message(error) + ")",
            {},
            "choose another folder")
            .in(path);
    fail_on(path, "create a temporary file", error);
}

Error no_room(const std::string& path, std::uint64_t bytes, std::uint64_t free) {
    return Error(
               errc::limit,
               std::to_string(bytes) + " bytes are to be written and " + std::to_string(free) +
                   " bytes are free",
               {},
               "free space, or choose another folder")
        .in(path);
}

std::string folder_of(const std::string& path) {
    const auto slash = path.rfind('/');
    if (slash == std::string::npos)
        return ".";
    return slash == 0 ? "/" : path.substr(0, slash);
}

void write_all(
    int fd, const std::string& path, std::span<const std::byte> bytes, std::uint64_t offset) {
    while (!bytes.empty()) {
        const auto done = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            fail_on(path, "write", done < 0 ? errno : EIO);
        bytes = bytes.subspan(static_cast<std::size_t>(done));
        offset += static_cast<std::uint64_t>(done);
    }
}

void sync_folder_of(const std::string& path) {
    const int folder = ::open(folder_of(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const bool synced = folder >= 0 && ::fsync(folder) == 0;
    const int error = errno;
    if (folder >= 0)
        ::close(folder);
    if (!synced)
        fail_on(path, "fsync of its folder", error);
}

} // namespace tz
