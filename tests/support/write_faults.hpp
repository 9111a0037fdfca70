// Faults at the calls by which tzio writes files: pwrite, fsync and ftruncate; and a log of these
// and of rename. A test program gets them by having the linker wrap these calls of tzio's own code
// and of no other.
#pragma once

#include <tz/tests/support/power_cut.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

namespace tz::test {

enum class WriteKind { write, sync, cut };

/// A call on its way to the kernel.
struct WriteCall {
    WriteKind kind = WriteKind::write;
    std::uint64_t number = 0; ///< how many calls came before
    std::uint64_t offset = 0; ///< of a write
    std::size_t bytes = 0;
};

/// What becomes of it.
struct WriteFate {
    std::size_t bytes_max = SIZE_MAX; ///< a write writes no more
    int error = 0;                    ///< it fails with this, if not 0, and does nothing
    bool killed = false; ///< the process ends when as many bytes are written, as `kill -9` ends it
};

/// Puts faults in place as long as it lives: one at a time, and for one thread.
class FaultyWrites {
public:
    explicit FaultyWrites(std::function<WriteFate(const WriteCall&)> decide);
    ~FaultyWrites();
    FaultyWrites(const FaultyWrites&) = delete;
    FaultyWrites& operator=(const FaultyWrites&) = delete;

    std::uint64_t calls() const;
};

/// Keeps what the calls do that succeed as long as it lives: one at a time, for any threads.
class WriteLog {
public:
    WriteLog();
    ~WriteLog();
    WriteLog(const WriteLog&) = delete;
    WriteLog& operator=(const WriteLog&) = delete;

    std::vector<DiskCall> take();
};

} // namespace tz::test
