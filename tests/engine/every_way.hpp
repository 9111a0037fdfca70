// The ways through the engine that change how bytes move, for tests that go all of them.
#pragma once

#include <tz/engine/options.hpp>
#include <tz/engine/ring.hpp>
#include <tz/protocols/file.hpp>

#include <gtest/gtest.h>

#include <cstddef>
#include <string>

namespace tz::test {

struct EngineWay {
    Io io;
    Direct direct;
    unsigned loops;
    std::size_t chunk_bytes;
};

inline std::string name_of(const EngineWay& way) {
    return std::string(way.io == Io::threads ? "Threads" : "Uring") +
           (way.direct == Direct::on ? "Direct" : "Cached") + std::to_string(way.loops) + "Loops" +
           std::to_string(way.chunk_bytes >> 10) + "KiB";
}

/// `Way` is an EngineWay, or one with more to it.
template <typename Way>
class EveryEngineWay : public testing::TestWithParam<Way> {
protected:
    void SetUp() override {
        if (this->GetParam().io == Io::uring && !ring_facts().usable)
            GTEST_SKIP() << ring_facts().reason;
    }

    EngineOptions engine_options() const {
        EngineOptions options;
        options.io = this->GetParam().io;
        options.loops = this->GetParam().loops;
        options.chunk_bytes = this->GetParam().chunk_bytes;
        options.workers = 2;
        return options;
    }
};

} // namespace tz::test
