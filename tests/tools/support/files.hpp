// Files for tests, in a folder that goes away.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace tz::test {

/// A folder that everybody may enter.
class Folder {
public:
    Folder();
    ~Folder();
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;

    std::string path(std::string_view name) const { return path_ + "/" + std::string(name); }

    /// Writes `text` to `name` and returns its path.
    std::string write(std::string_view name, std::string_view text, unsigned mode = 0600) const;

private:
    std::string path_;
};

/// Two tensors: `layers.0.weight` of `bytes` bytes, and `a\b` with a line end in its name.
/// Encrypted where `key` (32 bytes) is given.
void write_tensors(const std::string& path, std::size_t bytes, std::string_view key = {});

/// Tensors of zeros, `bytes` each, without hashes; nearly all of the file is a hole.
void write_sparse(const std::string& path, std::uint64_t bytes, std::size_t tensors = 1);

/// A file whose password asks for more than anybody should spend.
void write_costly_password(const std::string& path);

/// Changes the last byte of the first tensor's data.
void damage(const std::string& path, std::size_t bytes);

} // namespace tz::test
