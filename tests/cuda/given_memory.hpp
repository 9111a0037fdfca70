// Loads to memory of the caller on a device, to see what those that fail leave in it.
#pragma once

#include "sample_load.hpp"
#include <tz/cuda/device_sink.hpp>
#include <tz/engine/load.hpp>

#include <cuda_runtime_api.h>

#include <algorithm>
#include <cstddef>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace tz::test {

class GivenMemory : public SampleLoad {
protected:
    GivenMemory() {
        fill(0x77);
        device_.destination = [this](std::size_t, const format::Tensor& tensor, int) {
            std::byte* to = memory_.data() + used_;
            places_[tensor.name] = {used_, tensor.bytes};
            used_ += tensor.bytes;
            return to;
        };
    }

    void fill(int value) {
        cudaStream_t stream = nullptr;
        ASSERT_EQ(cudaStreamCreateWithFlags(&stream, 0), cudaSuccess);
        cudaMemsetAsync(memory_.data(), value, memory_.bytes(), stream);
        cudaStreamSynchronize(stream);
        cudaStreamDestroy(stream);
    }

    /// A file whose second tensor does not fit its CRC-32.
    void save_damaged() {
        save_sample();
        auto bytes = read_file(folder_ / "file");
        const auto found = std::search(
            bytes.begin(), bytes.end(), sample_.data[1].begin(), sample_.data[1].begin() + 100);
        ASSERT_NE(found, bytes.end());
        *(found + 2'000'000) ^= std::byte{1};
        write_file(folder_ / "file", bytes);
        load_.verify = Verify::crc32;
    }

    /// Loads by way of a sink that a test puts before the one of the device.
    template <typename Passed>
    void load_through(Engine& engine, Passed& passed) {
        load_.memory = Memory::none;
        load_.sink = &passed;
        const std::shared_ptr<const Source> source = open_file(folder_ / "file");
        load(engine, {&source, 1}, load_);
    }

    std::vector<std::byte> left(const std::string& name) {
        const auto [offset, bytes] = places_.at(name);
        std::vector<std::byte> now(bytes);
        cuda::copy_to_host(0, memory_.data() + offset, now);
        return now;
    }

    /// What is there of the second tensor is zeros, or what was there before.
    void expect_nothing_of_it() {
        const auto left = this->left("t1");
        for (std::size_t at = 0; at < left.size(); ++at)
            ASSERT_TRUE(left[at] == std::byte{0} || left[at] == std::byte{0x77}) << at;
    }

    cuda::DeviceBlock memory_{0, 8 << 20};
    std::size_t used_ = 0;
    std::map<std::string, std::pair<std::size_t, std::size_t>> places_;
};

/// Hands everything on to the sink of a device; abandon() is a test's own.
class BeforeDeviceSink : public Sink {
public:
    explicit BeforeDeviceSink(cuda::DeviceSink& sink) : sink_(sink) {}

    bool cuts_from_data() const override { return sink_.cuts_from_data(); }

    void begin(std::span<const Item> items, std::uint64_t cut_bytes) override {
        sink_.begin(items, cut_bytes);
    }

    awaitable<void> open(Loop& loop) override { return sink_.open(loop); }

    awaitable<void> stage(Loop& loop, std::span<std::byte> memory) override {
        return sink_.stage(loop, memory);
    }

    awaitable<void> put(Loop& loop, std::span<const Part> parts) override {
        return sink_.put(loop, parts);
    }

    awaitable<void> complete(Loop& loop, std::span<const std::uint32_t> items) override {
        return sink_.complete(loop, items);
    }

    awaitable<void> close(Loop& loop) override { return sink_.close(loop); }

protected:
    cuda::DeviceSink& sink_;
};

} // namespace tz::test
