// What a disk holds once its power was cut: a model that is fed with the calls of a program. What
// was not synced is there or not, sector by sector; which of its names a file has is known from the
// sync of the folder on. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace tz::test {

/// A call by which a program changes files of one folder.
struct DiskCall {
    enum class Kind { write, cut, sync, rename, sync_folder };

    Kind kind;
    std::uint64_t file;           ///< by inode; of a rename, the one that gets the name
    std::uint64_t offset;         ///< of a write; of a cut, what is left
    std::vector<std::byte> bytes; ///< of a write
};

/// The file that a program writes, by the name that it is to have in the end.
class CutDisk {
public:
    /// Under that name there is the file `file` with these bytes, and all of it is on the disk.
    CutDisk(std::uint64_t file, std::vector<std::byte> bytes);

    void apply(const DiskCall& call);

    /// Calls `use` with what may stand under the name if the power is cut now: each file that may
    /// have it, with nothing of what was not synced, with all, and `lots` times with some of it.
    void for_each_outcome(
        std::uint64_t seed,
        unsigned lots,
        const std::function<void(std::span<const std::byte>)>& use) const;

private:
    struct File {
        std::uint64_t number;
        std::vector<std::byte> synced;
        std::vector<DiskCall> since;
    };

    File& file(std::uint64_t number);

    std::vector<File> files_;
    std::vector<std::uint64_t> named_; ///< those that may have the name; the last one has it
};

} // namespace tz::test
