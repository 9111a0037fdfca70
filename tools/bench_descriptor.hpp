// A file opened for reading, by the means the ceilings use: nothing of the engine's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace tz::bench {

class Descriptor {
public:
    /// Throws `tz::Error`: not_found, denied, io.
    explicit Descriptor(const std::string& path, bool direct = false);
    ~Descriptor();
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;

    int get() const { return fd_; }

    std::uint64_t bytes() const { return bytes_; }

    /// One pread. Throws `tz::Error` (errc::io). Thread-safe.
    std::size_t read(std::span<std::byte> to, std::uint64_t offset) const;

private:
    std::string path_;
    int fd_ = -1;
    std::uint64_t bytes_ = 0;
};

} // namespace tz::bench
