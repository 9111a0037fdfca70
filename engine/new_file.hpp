// A file that appears whole under its name or not at all; or one that is written where it is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace tz {

/// What happens to a file that has the name already. `overwritten`: it is emptied and written where
/// it is, for names of descriptors (/proc/self/fd/N) whose file shall stay the same one; nothing of
/// what is said of temporary names holds then, and a failure leaves it in pieces.
enum class Existing { refused, replaced, overwritten };

/// The name that a file is to have which stands under the temporary name `name` of a NewFile's,
/// both without their folder; empty where it is none. Of long names the beginning.
std::string name_of_temporary(const std::string& name);

/// Written under a temporary name beside its real one, where only its owner may read it; removed
/// unless it was published. What a process that was killed has left behind beside the same name is
/// removed by the next NewFile: who writes a temporary file holds a lock on it. All failures are
/// `tz::Error`s that name the file. write() may be called by any thread, several at once; the rest
/// by one.
class NewFile {
public:
    /// errc::usage where something else than a regular file has the name, or, with
    /// Existing::refused, anything.
    NewFile(std::string path, Existing existing);
    ~NewFile();
    NewFile(NewFile&&) = delete;
    NewFile& operator=(NewFile&&) = delete;

    const std::string& path() const { return path_; }

    /// Only its owner may read it once it is published, whatever the umask says.
    void keep_private() { mode_ &= 0600; }

    /// Everybody may read it once it is published, whatever the umask says.
    void let_all_read() { mode_ = 0644; }

    void write(std::span<const std::byte> bytes, std::uint64_t offset);

    /// For who writes by other means. `direct_file()` writes past the page cache; -1 where the
    /// filesystem can't.
    int file() const { return fd_; }

    int direct_file() const { return direct_fd_; }

    /// One pwrite(). An error number, or 0 and how many bytes are `done`.
    static int write_once(
        int fd, std::span<const std::byte> bytes, std::uint64_t offset, std::size_t& done) noexcept;

    /// Throws what `error` means, which came from `doing` something.
    [[noreturn]] void fail(const char* doing, int error, std::uint64_t offset) const;

    /// Takes the room for `bytes`, where the filesystem can do that ahead; errc::limit where it
    /// has less.
    void reserve(std::uint64_t bytes);

    /// Ends the file behind `bytes`.
    void cut(std::uint64_t bytes);

    /// Has the kernel begin to write a range out, so that sync() finds little left.
    void begin_sync(std::uint64_t offset, std::uint64_t bytes) noexcept;

    /// Fills `to`. For checks of what was written.
    void read(std::span<std::byte> to, std::uint64_t offset) const;

    std::uint64_t bytes() const;

    /// Whether its name is still its own, and not another file's meanwhile. After publish().
    bool has_its_name() const;

    /// The filesystem it is on, and how much more that can take; UINT64_MAX where it doesn't say.
    std::uint64_t filesystem() const;
    std::uint64_t free_bytes() const;

    /// What was written is durable.
    void sync();

    /// After sync(): gives it the name and the permissions that the user's umask leaves it, and
    /// makes the name durable.
    void publish();

private:
    void check_name() const;
    void open_existing();
    void open_direct();
    void remove_remains() const;
    bool make_temporary();
    void rename();

    std::string path_;
    Existing existing_;
    std::string temporary_;
    int fd_ = -1; ///< locked
    int direct_fd_ = -1;
    unsigned mode_ = 0; ///< once published
    bool published_ = false;
};

} // namespace tz
