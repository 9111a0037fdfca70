// Loads, and whether what they gave is right: also what was delivered by one that failed.
#include "attempt.hpp"
#include "device.hpp"
#include <tz/protocols/file.hpp>

#include <algorithm>
#include <filesystem>
#include <vector>

namespace tz::soak {

namespace {

/// Whether what is delivered is known to be right before the load has ended.
bool right_when_delivered(const Plan& plan) {
    return verified(plan) && plan.change != Change::rewritten_during && plan.place != Place::device;
}

void check_deliveries(
    LoadOptions& options, const Plan& plan, const Material& material, Outcome& outcome) {
    if (!right_when_delivered(plan) || plan.place == Place::none)
        return;
    options.deliver = [&](const Delivered& delivered) {
        const auto* data = material.data(delivered.tensor.name, plan.shape);
        if (data == nullptr || !std::ranges::equal(delivered.bytes, *data))
            outcome.wrong = delivered.tensor.name + " was delivered and is wrong";
    };
}

/// Memory of the caller, for each tensor by its name.
class Given {
public:
    explicit Given(const test::Sample& sample) {
        for (const auto& data : sample.data)
            memory_.emplace_back(data.size());
    }

    std::span<std::byte> of(const format::Tensor& tensor) {
        std::size_t number = memory_.size();
        if (tensor.name.size() > 1 && tensor.name.size() < 4)
            number = std::stoul(tensor.name.substr(1));
        if (number < memory_.size() && memory_[number].size() == tensor.bytes)
            return memory_[number];
        return spare_.emplace_back(tensor.bytes); // a damaged name
    }

    std::vector<std::vector<std::byte>>& memory() { return memory_; }

private:
    std::vector<std::vector<std::byte>> memory_;
    std::vector<std::vector<std::byte>> spare_;
};

void load_to_given(
    Engine& engine,
    const std::shared_ptr<const Source>& source,
    LoadOptions options,
    const Plan& plan,
    const Material& material,
    Outcome& outcome) {
    Given given(material.sample(plan.shape));
    options.memory = Memory::given;
    options.destination = [&](std::size_t, const format::Tensor& tensor) {
        return given.of(tensor);
    };
    try {
        const Loaded loaded = load(engine, source, options);
        outcome.wrong += material.difference(loaded.layout, plan.shape);
        if (given.memory() != material.sample(plan.shape).data)
            outcome.wrong += "other bytes in the caller's memory";
    } catch (const PartialLoad& partial) {
        for (const PartialLoad::Tensor& tensor : partial.complete()) {
            const std::size_t number = std::stoul(tensor.name.substr(1));
            if (right_when_delivered(plan) &&
                given.memory().at(number) != material.sample(plan.shape).data.at(number))
                outcome.wrong += "a tensor is called complete and is wrong";
        }
        throw;
    }
}

} // namespace

void load_and_compare(
    Engine& engine,
    const std::shared_ptr<const Source>& source,
    const Plan& plan,
    const Material& material,
    Stopper& stopper,
    Outcome& outcome) {
    LoadOptions options = load_options(plan, material, stopper);
    check_deliveries(options, plan, material, outcome);
    if (plan.place == Place::given)
        return load_to_given(engine, source, options, plan, material, outcome);
    if (plan.place == Place::device && has_device())
        return load_to_fake_device(engine, source, options, plan, material, outcome);
    if (plan.place == Place::mapped)
        options.memory = Memory::mapped;
    if (plan.place == Place::none) {
        options.memory = Memory::none;
        options.digests = true;
    }
    const Loaded loaded = load(engine, source, options);
    if (plan.place != Place::none)
        outcome.wrong += material.difference(loaded.layout, loaded.tensors, plan.shape);
    if (options.digests)
        outcome.wrong += material.difference(loaded.layout, loaded.digests, plan.shape);
}

std::string others_beside(const std::string& path) {
    namespace fs = std::filesystem;
    std::string others;
    for (const auto& entry : fs::directory_iterator(fs::path(path).parent_path()))
        if (entry.path() != path)
            others += entry.path().filename().string() + " is left; ";
    return others;
}

std::string file_difference(const std::string& path, std::size_t shape, const Material& material) {
    EngineOptions with_threads;
    with_threads.io = Io::threads;
    with_threads.workers = 1;
    Engine engine(with_threads);
    for (const bool sealed : {false, true}) // whichever it is
        try {
            LoadOptions options;
            if (sealed)
                options.key = material.key();
            const Loaded loaded = load(engine, open_file(path), options);
            return material.difference(loaded.layout, loaded.tensors, shape);
        } catch (const Error& error) {
            if (sealed || error.kind() != errc::auth)
                return error.what();
        }
    return {};
}

} // namespace tz::soak
