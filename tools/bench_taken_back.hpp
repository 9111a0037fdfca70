// Work that makes files and that nothing inside can stop: done by a child of this process, which is
// ended by Ctrl-C, and what it made is removed.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace tz::bench {

/// What `work` makes.
struct Made {
    std::vector<std::string> paths; ///< of files

    /// Files in a folder whose names begin and end so, beside those.
    struct {
        std::string folder, begin, end;
    } more{};

    std::vector<std::string> folders; ///< the innermost first; those that aren't there yet
};

/// The folders of `path` that aren't there, itself among them; the innermost first.
std::vector<std::string> missing_folders(const std::string& path);

/// Calls `work` in a child of this process and returns the exit code; in the child it returns or
/// throws as `work` does, and the caller goes on to end it. Called before there are other threads.
/// SIGINT and SIGTERM end the child: then what it made of `made` is removed, and what only has a
/// temporary name yet (NewFile), but nothing that was there before and is still the same. Throws
/// `tz::Error` (errc::cancelled), or errc::io where the child ended by another signal.
int run_taken_back(const Made& made, const std::function<int()>& work);

} // namespace tz::bench
