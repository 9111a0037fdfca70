#include <tz/engine/file_calls.hpp>
#include <tz/engine/new_file.hpp>
#include <tz/format/error.hpp>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include <utility>

namespace tz {

namespace {

// A name has at most 255 bytes, and the decoration must fit too.
constexpr std::size_t name_bytes_max = 200;
constexpr std::size_t random_digits = 12;
const std::string temporary_end = ".partial";

std::string random_text() {
    std::array<unsigned char, 6> bytes{};
    if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size()))
        throw Error(errc::io, "no random numbers: " + system_message(errno));
    std::string text;
    for (const unsigned char byte : bytes) {
        constexpr const char* digits = "0123456789abcdef";
        text += digits[byte / 16];
        text += digits[byte % 16];
    }
    return text;
}

/// What the path of a temporary file begins with; random digits and `temporary_end` follow.
std::string temporary_start(const std::string& path) {
    const std::string name = path.substr(path.rfind('/') + 1).substr(0, name_bytes_max);
    return folder_of(path) + "/." + name + ".";
}

bool is_end_of_temporary(std::string_view end) {
    return end.size() == random_digits + temporary_end.size() && end.ends_with(temporary_end) &&
           end.find_first_not_of("0123456789abcdef") == random_digits;
}

bool is_temporary(const std::string& name, const std::string& start) {
    return name.starts_with(start) &&
           is_end_of_temporary(std::string_view(name).substr(start.size()));
}

struct ::stat facts(int fd, const std::string& path) {
    struct ::stat stat{};
    if (::fstat(fd, &stat) != 0)
        fail_on(path, "fstat", errno);
    return stat;
}

[[noreturn]] void refuse(const std::string& path, const char* what, const char* hint) {
    throw Error(errc::usage, what, {}, hint).in(path);
}

[[noreturn]] void refuse_existing(const std::string& path) {
    refuse(path, "the file exists", "--force replaces it");
}

} // namespace

std::string name_of_temporary(const std::string& name) {
    constexpr std::size_t dots = 2; // before the name and behind it
    const std::size_t end_bytes = random_digits + temporary_end.size();
    if (name.size() <= dots + end_bytes || name.front() != '.')
        return {};
    const std::size_t end = name.size() - end_bytes;
    if (name[end - 1] != '.' || !is_end_of_temporary(std::string_view(name).substr(end)))
        return {};
    return name.substr(1, end - dots);
}

NewFile::NewFile(std::string path, Existing existing)
    : path_(std::move(path)),
      existing_(existing) {
    if (existing == Existing::overwritten) {
        open_existing();
        return;
    }
    check_name();
    remove_remains();
    while (!make_temporary()) {
    }
    struct ::stat stat{};
    if (::fstat(fd_, &stat) != 0 || ::fchmod(fd_, stat.st_mode & 0600) != 0) {
        const int error = errno;
        ::close(fd_);
        ::unlink(temporary_.c_str());
        fail_on(path_, "protect a temporary file", error);
    }
    mode_ = stat.st_mode & 0777;
    open_direct();
}

void NewFile::open_existing() {
    fd_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd_ < 0)
        fail_on(path_, "open", errno);
    struct ::stat stat{};
    if (::fstat(fd_, &stat) != 0 || !S_ISREG(stat.st_mode) || ::ftruncate(fd_, 0) != 0) {
        const int error = errno;
        const bool regular = S_ISREG(stat.st_mode);
        ::close(fd_);
        if (!regular)
            refuse(path_, "this is not a regular file", "give another one");
        fail_on(path_, "ftruncate", error);
    }
    published_ = true;
    open_direct();
}

void NewFile::open_direct() {
    // by way of /proc: the same file, whatever its name means by then
    std::array<char, 32> self{}; // no string: one that can't be made would leave the file behind
    std::snprintf(self.data(), self.size(), "/proc/self/fd/%d", fd_);
    direct_fd_ = ::open(self.data(), O_WRONLY | O_DIRECT | O_CLOEXEC);
}

NewFile::~NewFile() {
    if (!published_) // before the lock goes
        ::unlink(temporary_.c_str());
    if (direct_fd_ >= 0)
        ::close(direct_fd_);
    ::close(fd_);
}

/// False where somebody took it for the remains of a dead process in the instant before it was
/// locked.
bool NewFile::make_temporary() {
    temporary_ = temporary_start(path_) + random_text() + temporary_end;
    // The kernel applies the user's umask and the folder's rules; what is left is for later.
    fd_ = ::open(temporary_.c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0666);
    if (fd_ < 0)
        fail_to_make(path_, errno);
    struct ::stat stat{};
    const bool locked = ::flock(fd_, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK;
    if (locked && ::fstat(fd_, &stat) == 0 && stat.st_nlink > 0)
        return true;
    ::close(fd_);
    return false;
}

/// Best effort: of files that others own, or in a folder that can't be listed, nothing comes.
/// Not by std::filesystem, whose iterators end the process where there is no memory.
void NewFile::remove_remains() const {
    const std::string start = temporary_start(path_);
    const std::string name = start.substr(start.rfind('/') + 1);
    const std::unique_ptr<DIR, int (*)(DIR*)> folder(
        ::opendir(folder_of(path_).c_str()), ::closedir);
    if (!folder)
        return;
    while (const dirent* const entry = ::readdir(folder.get())) {
        if (!is_temporary(entry->d_name, name))
            continue;
        const int fd =
            ::openat(::dirfd(folder.get()), entry->d_name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
            continue;
        if (::flock(fd, LOCK_EX | LOCK_NB) == 0)
            ::unlinkat(::dirfd(folder.get()), entry->d_name, 0);
        ::close(fd);
    }
}

void NewFile::check_name() const {
    struct ::stat stat{};
    if (::lstat(path_.c_str(), &stat) != 0)
        return;
    if (S_ISDIR(stat.st_mode))
        refuse(path_, "this is a folder", "give the name of the file");
    if (existing_ == Existing::refused)
        refuse_existing(path_);
    if (!S_ISREG(stat.st_mode) && !S_ISLNK(stat.st_mode))
        refuse(path_, "this is not a regular file", "give another name");
}

void NewFile::write(std::span<const std::byte> bytes, std::uint64_t offset) {
    write_all(fd_, path_, bytes, offset);
}

int NewFile::write_once(
    int fd, std::span<const std::byte> bytes, std::uint64_t offset, std::size_t& done) noexcept {
    const auto count = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    done = count < 0 ? 0 : static_cast<std::size_t>(count);
    return count < 0 ? errno : 0;
}

void NewFile::fail(const char* doing, int error, std::uint64_t offset) const {
    throw Error(
        kind_of_errno(error),
        std::string(doing) + ": " + system_message(error),
        offset,
        kind_of_errno(error) == errc::limit ? "free space, or choose another folder"
                                            : "check the disk and the system's log")
        .in(path_);
}

void NewFile::reserve(std::uint64_t bytes) {
    if (bytes > free_bytes())
        throw no_room(path_, bytes, free_bytes());
    int error = 0;
    do
        error = ::fallocate(fd_, 0, 0, static_cast<off_t>(bytes)) == 0 ? 0 : errno;
    while (error == EINTR);
    if (error == ENOSPC || error == EDQUOT || error == EFBIG)
        fail("take room", error, 0);
}

void NewFile::cut(std::uint64_t bytes) {
    if (::ftruncate(fd_, static_cast<off_t>(bytes)) != 0)
        fail("ftruncate", errno, bytes);
}

void NewFile::begin_sync(std::uint64_t offset, std::uint64_t bytes) noexcept {
    // where it is refused, sync() does all of it
    ::sync_file_range(
        fd_, static_cast<off_t>(offset), static_cast<off_t>(bytes), SYNC_FILE_RANGE_WRITE);
}

void NewFile::read(std::span<std::byte> to, std::uint64_t offset) const {
    while (!to.empty()) {
        const auto got = ::pread(fd_, to.data(), to.size(), static_cast<off_t>(offset));
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            fail_on(path_, "read what was written", got < 0 ? errno : EIO);
        to = to.subspan(static_cast<std::size_t>(got));
        offset += static_cast<std::uint64_t>(got);
    }
}

std::uint64_t NewFile::bytes() const {
    return static_cast<std::uint64_t>(facts(fd_, path_).st_size);
}

bool NewFile::has_its_name() const {
    struct ::stat named{};
    if (::stat(path_.c_str(), &named) != 0)
        return false;
    const struct ::stat open = facts(fd_, path_);
    return named.st_dev == open.st_dev && named.st_ino == open.st_ino;
}

std::uint64_t NewFile::filesystem() const {
    return facts(fd_, path_).st_dev;
}

std::uint64_t NewFile::free_bytes() const {
    struct ::statvfs stat{};
    if (::fstatvfs(fd_, &stat) != 0 || stat.f_blocks == 0)
        return UINT64_MAX;
    std::uint64_t bytes = 0;
    const bool too_many = __builtin_mul_overflow(stat.f_bavail, stat.f_frsize, &bytes);
    return too_many ? UINT64_MAX : bytes;
}

void NewFile::sync() {
    if (::fsync(fd_) != 0)
        fail_on(path_, "fsync", errno);
}

void NewFile::publish() {
    if (published_)
        return;
    if (::fchmod(fd_, mode_) != 0)
        fail_on(path_, "chmod", errno);
    rename();
    published_ = true;
    sync_folder_of(path_);
}

void NewFile::rename() {
    if (existing_ == Existing::refused) {
        // somebody else may have made one meanwhile
        if (::renameat2(AT_FDCWD, temporary_.c_str(), AT_FDCWD, path_.c_str(), RENAME_NOREPLACE) ==
            0)
            return;
        if (errno == EEXIST)
            refuse_existing(path_);
        if (errno != EINVAL && errno != ENOSYS)
            fail_on(path_, "rename", errno);
        check_name(); // the filesystem can't see to it
    }
    if (::rename(temporary_.c_str(), path_.c_str()) != 0)
        fail_on(path_, "rename", errno);
}

} // namespace tz
