// Memory for the ceilings, and the preparation that makes samples comparable.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <stop_token>
#include <string>

namespace tz::bench {

enum class Pages { huge, small };

/// A private anonymous mapping that nobody has touched. Huge pages are asked for or refused.
class FreshMemory {
public:
    /// Throws `tz::Error` (errc::limit).
    FreshMemory(std::size_t bytes, Pages pages);
    ~FreshMemory();
    FreshMemory(const FreshMemory&) = delete;
    FreshMemory& operator=(const FreshMemory&) = delete;

    std::span<std::byte> bytes() const { return {data_, size_}; }

    /// Makes `bytes` from `offset` on present, in pages of the size asked for, whatever they cost:
    /// loads may choose otherwise (engine/huge_pages.hpp).
    void touch(std::size_t offset, std::size_t bytes) const;

private:
    std::byte* data_ = nullptr;
    std::size_t size_ = 0;
};

/// Touches and frees `bytes` of memory. Called just before every sample, for every loader alike: a
/// virtual machine with free page reporting gives free huge pages back to its host after seconds,
/// and whoever touches memory next pays the host's page faults (five to ten times the price).
/// Throws `tz::Error` (errc::cancelled) after a stop.
void prepare_memory(std::size_t bytes, const std::stop_token& stop = {});

/// A field of /proc/self/FILE that is given in KiB, e.g. "status", "RssAnon:"; 0 where the kernel
/// doesn't say. In bytes.
std::uint64_t memory_field(const std::string& file, const std::string& field);
/// Bytes of this process in anonymous huge pages.
std::uint64_t anonymous_huge_bytes();
/// How much has been added to `before`; 0 where there is less.
std::uint64_t huge_bytes_since(std::uint64_t before);

} // namespace tz::bench
