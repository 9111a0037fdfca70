// Several writes to one `.tensors` file.
#pragma once

#include <tz/engine/new_file.hpp>
#include <tz/engine/save.hpp>

#include <memory>
#include <span>
#include <string>

namespace tz {

/// A file that grows. The first add() writes a new file, which gets its name when it is complete
/// and durable. Those that follow add tensors to it in place: whoever opens the file meanwhile, or
/// after a crash at any moment, finds the old tensors or, once add() has returned, all of them. A
/// load that runs at that moment may end with errc::object_changed. One thread at a time.
class SaveSession {
public:
    /// Derives the key of a password, once for all writes. Throws `tz::Error` for options that
    /// cannot hold together; makes no file yet. With Existing::overwritten the first add() writes
    /// the file where it is; if that fails, the file is of no use.
    explicit SaveSession(
        const std::string& path,
        const SaveOptions& options = {},
        Existing existing = Existing::replaced);
    ~SaveSession();
    SaveSession(SaveSession&&) noexcept;
    SaveSession& operator=(SaveSession&&) noexcept;

    /// Adds tensors behind those that are there; they must not be in the file yet. Throws
    /// `tz::Error`, and the file is as it was before:
    /// - errc::limit, before anything is written, where the index has no room for them
    ///   (`SaveOptions::region_bytes_min` makes some);
    /// - errc::usage, before anything is written, for names that can't stand in one file, and for
    ///   the first dimension of 2^32 or more in a file that has tensors already; and for any where
    ///   the file has a manifest;
    /// - errc::object_changed where another file has the name by now.
    ///
    /// Where the file could not be put back as it was, or it isn't known what the disk holds, all
    /// further calls fail too; readers still find the old tensors or all.
    void add(std::span<const TensorView> tensors);

    /// What the file holds; nothing before the first add().
    const format::Layout& layout() const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

} // namespace tz
