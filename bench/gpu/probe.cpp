// gpu_probe [--brief] FOLDER QUESTION...: what one GPU, its bus and this machine's memory and disk
// can do, one question after the other. Files are made in FOLDER. Each table says what it measures.
#include "probe.hpp"

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <fcntl.h>
#include <map>
#include <mutex>
#include <stdexcept>
#include <sys/mman.h>
#include <thread>
#include <unistd.h>

namespace tz::probe {

namespace {

bool brief = false; // before any thread is made

double now(clockid_t clock) {
    timespec time{};
    ::clock_gettime(clock, &time);
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

} // namespace

Stopwatch::Stopwatch() : wall_(now(CLOCK_MONOTONIC)), cpu_(now(CLOCK_PROCESS_CPUTIME_ID)) {}

double Stopwatch::seconds() const {
    return now(CLOCK_MONOTONIC) - wall_;
}

double Stopwatch::cpu_seconds() const {
    return now(CLOCK_PROCESS_CPUTIME_ID) - cpu_;
}

std::uint64_t volume(std::uint64_t bytes) {
    return brief ? bytes / 64 : bytes;
}

Rate measure(unsigned runs, std::uint64_t bytes, const std::function<void()>& body) {
    if (brief)
        runs = 1;
    std::vector<double> rates;
    std::vector<double> costs;
    for (unsigned i = 0; i < runs; ++i) {
        const Stopwatch watch;
        body();
        const double gb = static_cast<double>(bytes) * 1e-9;
        rates.push_back(gb / watch.seconds());
        costs.push_back(watch.cpu_seconds() / gb);
    }
    return {median(rates), median(costs)};
}

double median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    return values.empty() ? 0 : values[values.size() / 2];
}

void check(cudaError_t error, std::string_view what) {
    if (error != cudaSuccess)
        throw std::runtime_error(fmt::format("{}: {}", what, cudaGetErrorName(error)));
}

void row(const std::vector<std::string>& cells) {
    fmt::print("| {} |\n", fmt::join(cells, " | "));
    std::fflush(stdout);
}

void table(std::string_view title, const std::vector<std::string>& columns) {
    fmt::print("\n{}\n\n", title);
    row(columns);
    row(std::vector<std::string>(columns.size(), "---"));
}

void attempt(std::string_view what, const std::function<void()>& body) {
    try {
        body();
    } catch (const std::exception& error) {
        row({std::string(what), error.what()});
    }
    cudaGetLastError(); // an error of one row is not the next one's
}

HostBlock::HostBlock(std::size_t bytes, bool huge) : bytes_(bytes) {
    constexpr std::size_t huge_page = 2 << 20;
    void* data = ::mmap(
        nullptr, bytes + huge_page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (data == MAP_FAILED)
        throw std::runtime_error("no memory");
    auto* begin = static_cast<std::byte*>(data);
    const auto before =
        (huge_page - reinterpret_cast<std::uintptr_t>(begin) % huge_page) % huge_page;
    data_ = begin + before;
    if (before > 0)
        ::munmap(begin, before);
    ::munmap(data_ + bytes, huge_page - before);
    ::madvise(data_, bytes, huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
    for (std::size_t i = 0; i < bytes; i += 4096)
        data_[i] = static_cast<std::byte>(i >> 12 & 0xff);
}

HostBlock::~HostBlock() {
    ::munmap(data_, bytes_);
}

PinnedBlock::PinnedBlock(std::size_t bytes) : HostBlock(bytes, true) {
    check(cudaHostRegister(data(), size(), cudaHostRegisterPortable), "cudaHostRegister");
}

PinnedBlock::~PinnedBlock() {
    cudaHostUnregister(data());
}

DeviceBlock::DeviceBlock(std::size_t bytes) : bytes_(bytes) {
    void* data = nullptr;
    check(cudaMalloc(&data, bytes), "cudaMalloc");
    data_ = static_cast<std::byte*>(data);
}

DeviceBlock::~DeviceBlock() {
    cudaFree(data_);
}

Streams::Streams(std::size_t count) : streams_(count) {
    for (cudaStream_t& stream : streams_)
        check(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "cudaStreamCreate");
}

Streams::~Streams() {
    for (const cudaStream_t stream : streams_)
        cudaStreamDestroy(stream);
}

void Streams::synchronize() const {
    for (const cudaStream_t stream : streams_)
        check(cudaStreamSynchronize(stream), "cudaStreamSynchronize");
}

File::File(const std::filesystem::path& folder, std::uint64_t bytes)
    : path_(folder / "gpu_probe.data"),
      bytes_(bytes),
      fd_(::open(path_.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)) {
    if (fd_ < 0)
        throw std::runtime_error("cannot make " + path_.string());
    const HostBlock block(16 << 20, true);
    for (std::uint64_t done = 0; done < bytes;) {
        const auto part = std::min<std::uint64_t>(block.size(), bytes - done);
        const ssize_t written = ::pwrite(fd_, block.data(), part, static_cast<off_t>(done));
        if (written <= 0)
            throw std::runtime_error("cannot write " + path_.string());
        done += static_cast<std::uint64_t>(written);
    }
    ::fsync(fd_);
}

File::File(const std::filesystem::path& path)
    : path_(path),
      bytes_(std::filesystem::file_size(path)),
      fd_(::open(path_.c_str(), O_RDONLY | O_CLOEXEC)),
      ours_(false) {
    if (fd_ < 0)
        throw std::runtime_error("cannot open " + path_.string());
}

File::~File() {
    ::close(fd_);
    if (ours_)
        ::unlink(path_.c_str());
}

void File::drop_from_cache() const {
    ::fsync(fd_);
    ::posix_fadvise(fd_, 0, 0, POSIX_FADV_DONTNEED);
}

FileMapping::FileMapping(const File& file, int flags)
    : bytes_(file.bytes()),
      data_(static_cast<std::byte*>(::mmap(nullptr, bytes_, PROT_READ, flags, file.fd(), 0))) {
    if (data_ == MAP_FAILED)
        throw std::runtime_error("cannot map the file");
}

FileMapping::~FileMapping() {
    ::munmap(data_, bytes_);
}

void run_threads(std::size_t count, const std::function<void(std::size_t)>& body) {
    std::vector<std::thread> threads;
    threads.reserve(count);
    std::exception_ptr failure;
    std::mutex mutex;
    for (std::size_t i = 0; i < count; ++i)
        threads.emplace_back([&, i] {
            try {
                body(i);
            } catch (...) {
                const std::lock_guard lock(mutex);
                failure = std::current_exception();
            }
        });
    for (std::thread& thread : threads)
        thread.join();
    if (failure)
        std::rethrow_exception(failure);
}

} // namespace tz::probe

int main(int count, char** arguments) {
    using namespace tz::probe;
    const std::map<std::string_view, std::function<void(const std::filesystem::path&)>> questions{
        {"copies", [](const auto&) { copies(); }},
        {"ceiling", [](const auto&) { ceiling(); }},
        {"setup", [](const auto&) { setup(); }},
        {"pinning", [](const auto& folder) { pinning(folder); }},
        {"completion", [](const auto&) { completion(); }},
        {"page-cache", [](const auto& folder) { page_cache(folder); }},
        {"cached-file", [](const auto& path) { cached_file(path); }},
        {"mapped", [](const auto& folder) { mapped_copies(folder); }},
        {"disk", [](const auto& folder) { disk(folder); }},
    };
    if (count > 1 && std::string_view(arguments[1]) == "--brief") {
        brief = true;
        --count;
        ++arguments;
    }
    if (count < 3) {
        fmt::print(
            stderr,
            "usage: gpu_probe [--brief] FOLDER "
            "copies|ceiling|setup|pinning|completion|page-cache|cached-file|mapped|disk...\n");
        return 2;
    }
    int failed = 0;
    for (int i = 2; i < count; ++i) {
        try {
            questions.at(arguments[i])(arguments[1]);
        } catch (const std::exception& error) {
            fmt::print("\n{}: {}\n", arguments[i], error.what());
            failed = 1;
        }
    }
    return failed;
}
