// A load of a small file to the fake runtime's devices, checked on the devices.
#pragma once

#include <tz/cuda/device_load.hpp>
#include <tz/cuda/device_memory.hpp>
#include <tz/engine/save_safetensors.hpp>
#include <tz/protocols/file.hpp>
#include <tz/tests/support/fake_cudart.hpp>
#include <tz/tests/support/files.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tz::test {

class SampleLoad : public testing::Test {
protected:
    SampleLoad() {
        cuda_.set_delays(300, seed_);
        engine_.chunk_bytes = 256 << 10;
        engine_.workers = 2;
    }

    ~SampleLoad() override {
        EXPECT_EQ(cuda_.violations(), std::vector<std::string>{}) << "seed " << seed_;
        EXPECT_EQ(cuda_.pinned_bytes(), 0u);
    }

    void save_sample(std::uint64_t piece_bytes = 0) {
        SaveOptions saving;
        if (piece_bytes > 0) {
            saving.key = load_.key = sample_key();
            saving.piece_bytes = piece_bytes;
        }
        save(folder_ / "file", sample_.views, saving);
    }

    /// 40 tensors of 128 KiB.
    void save_safetensors() {
        sample_ = Sample(std::vector<std::size_t>(40, 128 << 10));
        engine_.chunk_bytes = 1 << 20;
        std::vector<SafetensorsView> views;
        for (std::size_t i = 0; i < sample_.data.size(); ++i)
            views.push_back(
                {{"t" + std::to_string(i), "U8", {128 << 10}, 128 << 10}, sample_.data[i]});
        tz::save_safetensors(folder_ / "file", views);
    }

    cuda::DeviceLoaded load_sample() {
        Engine engine(engine_);
        const std::shared_ptr<const Source> source = open_file(folder_ / "file");
        return cuda::load_to_device(engine, {&source, 1}, load_, device_);
    }

    /// The next call of that name finds no memory.
    void lack_memory(std::string_view call) {
        auto lacks = [call, met = std::make_shared<std::atomic<bool>>()](std::string_view name) {
            if (name == call && !met->exchange(true))
                throw std::bad_alloc();
        };
        cuda_.before_call(std::move(lacks));
    }

    static std::vector<std::byte> read_back(const cuda::DeviceTensor& tensor) {
        std::vector<std::byte> bytes(tensor.bytes);
        if (!bytes.empty())
            cuda::copy_to_host(tensor.device, tensor.data, bytes);
        return bytes;
    }

    void expect_all(const cuda::DeviceLoaded& loaded) {
        ASSERT_EQ(loaded.on_device.size(), 1u);
        const auto& tensors = loaded.on_device.front();
        ASSERT_EQ(tensors.size(), sample_.data.size());
        for (std::size_t i = 0; i < tensors.size(); ++i) {
            const std::string& name = loaded.files[0].layout.tensors[i].name;
            EXPECT_EQ(read_back(tensors[i]), sample_.data[std::stoul(name.substr(1))]) << name;
        }
    }

    const std::uint64_t seed_ = seed();
    FakeCudart cuda_;
    TempFolder folder_;
    Sample sample_{{100, 3 << 20, 0, 1'000'001, 17, 70'000, 1, 0}};
    EngineOptions engine_;
    LoadOptions load_;
    cuda::DeviceOptions device_;
};

} // namespace tz::test
