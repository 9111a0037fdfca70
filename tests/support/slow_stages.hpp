// Loads whose stages each take a known time for a chunk. The checksum is slowed down by a shim that
// the linker puts in front of ISA-L's (--wrap=crc32_gzip_refl), so this is for programs of their
// own, and for one source file of each.
#pragma once

#include "files.hpp"
#include "memory_source.hpp"
#include <tz/engine/load.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

namespace tz::test {

struct SlowStages {
    static constexpr std::size_t tensor_bytes = 60'000; ///< one a chunk
    static constexpr unsigned chunks = 64;
    static constexpr unsigned lanes = 8;
    static constexpr unsigned workers = 2;

    /// Reading a chunk and checking it takes `each_chunk`; the index comes without a delay.
    explicit SlowStages(std::chrono::milliseconds each_chunk)
        : source(std::make_shared<MemorySource>(packed(sample))),
          engine(engine_options(lanes)) {
        read_layout(engine, source);
        source->delay = checksum_delay = each_chunk;
        load.verify = Verify::crc32;
    }

    /// A chunk holds one tensor. `concurrency` 0: as many as the sources ask for.
    static EngineOptions engine_options(unsigned concurrency) {
        EngineOptions options;
        options.io = Io::threads;
        options.concurrency = concurrency;
        options.workers = workers;
        options.chunk_bytes = 64 << 10;
        return options;
    }

    /// As a file whose tensors lie one behind the other.
    static std::vector<std::byte> packed(const Sample& sample) {
        const TempFolder folder;
        SaveOptions options;
        options.alignment = 1;
        save(folder / "file", sample.views, options);
        return read_file(folder / "file");
    }

    /// Of each checksum of a chunk; written before the workers start to check.
    static inline std::chrono::milliseconds checksum_delay{0};

    const Sample sample{std::vector<std::size_t>(chunks, tensor_bytes)};
    std::shared_ptr<MemorySource> source;
    Engine engine;
    LoadOptions load;
};

inline double seconds(std::chrono::nanoseconds time) {
    return std::chrono::duration<double>(time).count();
}

} // namespace tz::test

extern "C" {

// NOLINTBEGIN: names that the linker demands
std::uint32_t __real_crc32_gzip_refl(std::uint32_t, const unsigned char*, std::uint64_t);

std::uint32_t
__wrap_crc32_gzip_refl(std::uint32_t crc, const unsigned char* data, std::uint64_t bytes) {
    if (bytes >= tz::test::SlowStages::tensor_bytes / 2) // not of headers
        std::this_thread::sleep_for(tz::test::SlowStages::checksum_delay);
    return __real_crc32_gzip_refl(crc, data, bytes);
}

// NOLINTEND
}
