// What the parts of gpu_probe share: time, tables, memory, and errors of CUDA as exceptions.
#pragma once

#include <cuda_runtime_api.h>
#include <fmt/format.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tz::probe {

/// Wall time and CPU time of the whole process since it was made.
class Stopwatch {
public:
    Stopwatch();

    double seconds() const;
    double cpu_seconds() const;

private:
    double wall_;
    double cpu_;
};

/// Bytes to move for a question that takes `bytes` on a GPU; with --brief a sixty-fourth of it,
/// which is too little to measure anything, but shows that the question can be asked.
std::uint64_t volume(std::uint64_t bytes);

/// What one measurement came to.
struct Rate {
    double gb_per_s = 0;
    double cpu_s_per_gb = 0;
};

/// The median by rate of `runs` runs of `body`, each of which moves `bytes`; of one with --brief.
Rate measure(unsigned runs, std::uint64_t bytes, const std::function<void()>& body);

double median(std::vector<double> values);

/// Throws `std::runtime_error` that names the error.
void check(cudaError_t error, std::string_view what);

/// Prints one row of a Markdown table.
void row(const std::vector<std::string>& cells);
/// Prints its title and its head.
void table(std::string_view title, const std::vector<std::string>& columns);
/// Runs `body`; what it throws is printed instead of ending the program.
void attempt(std::string_view what, const std::function<void()>& body);

inline std::string text(double value) {
    return fmt::format("{:.3g}", value);
}

/// Anonymous memory, touched, with or without huge pages.
class HostBlock {
public:
    HostBlock(std::size_t bytes, bool huge);
    ~HostBlock();
    HostBlock(const HostBlock&) = delete;
    HostBlock& operator=(const HostBlock&) = delete;

    std::byte* data() const { return data_; }

    std::size_t size() const { return bytes_; }

private:
    std::byte* data_;
    std::size_t bytes_;
};

/// The same, registered with CUDA.
class PinnedBlock : public HostBlock {
public:
    explicit PinnedBlock(std::size_t bytes);
    ~PinnedBlock();
};

/// Memory of the device.
class DeviceBlock {
public:
    explicit DeviceBlock(std::size_t bytes);
    ~DeviceBlock();
    DeviceBlock(const DeviceBlock&) = delete;
    DeviceBlock& operator=(const DeviceBlock&) = delete;

    std::byte* data() const { return data_; }

    std::size_t size() const { return bytes_; }

private:
    std::byte* data_ = nullptr;
    std::size_t bytes_;
};

class Streams {
public:
    explicit Streams(std::size_t count);
    ~Streams();
    Streams(const Streams&) = delete;
    Streams& operator=(const Streams&) = delete;

    cudaStream_t operator[](std::size_t i) const { return streams_[i % streams_.size()]; }

    void synchronize() const;

private:
    std::vector<cudaStream_t> streams_;
};

/// A file of `bytes`, in the page cache once it is made, which goes away with this; or one that is
/// there.
class File {
public:
    File(const std::filesystem::path& folder, std::uint64_t bytes);
    explicit File(const std::filesystem::path& path);
    ~File();
    File(const File&) = delete;
    File& operator=(const File&) = delete;

    int fd() const { return fd_; }

    std::uint64_t bytes() const { return bytes_; }

    const std::filesystem::path& path() const { return path_; }

    void drop_from_cache() const;

private:
    std::filesystem::path path_;
    std::uint64_t bytes_;
    int fd_;
    bool ours_ = true;
};

/// A whole file, read only.
class FileMapping {
public:
    /// `flags` as mmap() has them.
    FileMapping(const File& file, int flags);
    ~FileMapping();
    FileMapping(const FileMapping&) = delete;
    FileMapping& operator=(const FileMapping&) = delete;

    std::byte* data() const { return data_; }

private:
    std::size_t bytes_;
    std::byte* data_;
};

/// Runs `body(i)` for each i below `count`, a thread each, and waits for all. Throws what one of
/// them threw.
void run_threads(std::size_t count, const std::function<void(std::size_t)>& body);

// The questions, a file each.
void copies();
void ceiling();
void setup();
void pinning(const std::filesystem::path& folder);
void completion();
void cached_file(const std::filesystem::path& path);
void page_cache(const std::filesystem::path& folder);
void mapped_copies(const std::filesystem::path& folder);
void disk(const std::filesystem::path& folder);

} // namespace tz::probe
