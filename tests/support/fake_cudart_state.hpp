// What the parts of the fake runtime share.
#pragma once

#include <cuda_runtime_api.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

/// How often an event was recorded, and how many of these records were reached.
struct CUevent_st {
    std::atomic<std::uint64_t> recorded = 0;
    std::atomic<std::uint64_t> reached = 0;
};

namespace tz::test {

/// One operation of a stream.
struct FakeWork {
    std::uint64_t number; ///< in the order of enqueuing, over all streams
    std::function<void()> run;
};

} // namespace tz::test

/// A thread that does what was enqueued, in order.
struct CUstream_st {
    explicit CUstream_st(int its_device);
    ~CUstream_st();
    CUstream_st(const CUstream_st&) = delete;
    CUstream_st& operator=(const CUstream_st&) = delete;

    void enqueue(std::function<void()> work);
    void synchronize();

    const int device;

private:
    void run();

    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<tz::test::FakeWork> works_;
    bool busy_ = false;
    bool ended_ = false;
    std::thread thread_; ///< last
};

namespace tz::test {

struct FakeRuntime {
    struct Failure {
        unsigned at = 0;
        cudaError_t error = cudaSuccess;
    };

    struct Allocation {
        std::unique_ptr<std::byte[]> memory;
        std::uint64_t bytes = 0;
        int device = 0;
    };

    static cudaError_t& last_error();

    void reset();
    /// Counts the call. What it has to answer without doing anything, if that is an error.
    cudaError_t enter(const char* name);
    /// Sets the thread's last error, and is it.
    static cudaError_t answer(cudaError_t error);
    void violate(const std::string& what);
    std::uint64_t allocated_bytes() const;
    /// Whether all of it lies in one allocation of the device.
    bool holds(int device, const void* data, std::size_t bytes) const;
    /// Whether all of it lies in one pinned piece.
    bool is_pinned(const void* data, std::size_t bytes);
    unsigned draw_delay();
    void note_run(std::uint64_t number);
    /// Waits for the device's copy engine, and takes its time. Of a stream's thread.
    void take_copy_time(int device);

    std::mutex mutex; ///< of all
    int devices = 1;
    bool has_kernels = true;
    std::function<void(std::string_view name)> before_call;
    int driver_version = 13000;
    std::uint64_t memory_bytes = std::uint64_t{1} << 34;
    std::uint64_t peak_bytes = 0;
    unsigned delay_max = 0;
    std::mt19937_64 random{1};
    std::map<std::string, unsigned, std::less<>> calls;
    std::map<std::string, Failure, std::less<>> failures;
    std::atomic<cudaError_t> sticky = cudaSuccess;
    std::map<const std::byte*, Allocation> allocations;
    std::map<const std::byte*, std::size_t> pinned;
    std::multiset<const std::byte*> read_by_copies; ///< where the host's side of copies begins
    std::map<const std::byte*, std::size_t> orders; ///< memory of devices where keys stood
    std::set<CUstream_st*> streams;
    std::map<int, CUstream_st> legacy_streams; ///< by device, from their first use
    std::map<CUevent_st*, std::shared_ptr<CUevent_st>> events;
    std::vector<std::string> violations;
    std::set<int> used; ///< devices with a context
    std::uint64_t enqueued = 0;
    std::uint64_t run_last = 0;
    unsigned overtakings = 0;
    std::chrono::microseconds copy_time{0};
    std::map<int, std::mutex> copy_engines; ///< by device; held while one copies
    std::map<int, double> copy_seconds;
    std::map<int, std::chrono::steady_clock::time_point> copies_ended;
};

FakeRuntime& fake_runtime();

} // namespace tz::test
