// A folder for files that are only needed while something is measured.
#pragma once

#include <string>

namespace tz::bench {

/// A new folder that only we may enter. Removed with all in it by the destructor, unless it is
/// kept.
class TemporaryFolder {
public:
    /// Below `parent`, which exists; empty: below TMPDIR or /var/tmp. Throws `tz::Error`
    /// (errc::io).
    explicit TemporaryFolder(const std::string& parent = {});
    ~TemporaryFolder();
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;

    const std::string& path() const { return path_; }

    void keep() { kept_ = true; }

private:
    std::string path_;
    bool kept_ = false;
};

} // namespace tz::bench
