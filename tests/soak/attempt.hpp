// A plan carried out: one load or save with its faults.
#pragma once

#include "material.hpp"
#include "outcome.hpp"
#include "plan.hpp"
#include <tz/protocols/network.hpp>

#include <atomic>
#include <cstdint>
#include <optional>
#include <stop_token>

namespace tz {
class Engine;
}

namespace tz::soak {

/// Makes an engine, and lets go of everything before it returns. One at a time.
Outcome attempt(const Plan& plan, const Material& material);

/// Stops a load at a step: a read, or a request. Any thread.
class Stopper {
public:
    explicit Stopper(std::optional<std::uint64_t> at) : at_(at) {}

    void step() {
        if (at_ && steps_++ == *at_)
            stop_.request_stop();
    }

    std::stop_token token() { return stop_.get_token(); }

private:
    const std::optional<std::uint64_t> at_;
    std::atomic<std::uint64_t> steps_ = 0;
    std::stop_source stop_;
};

// What attempts share.
EngineOptions engine_options(const Plan& plan);
/// Of a server of this process at `endpoint`.
NetworkOptions network_options(const Plan& plan, const std::string& endpoint);
LoadOptions load_options(const Plan& plan, const Material& material, Stopper& stopper);

/// Loads to where the plan says; `outcome.wrong` says what isn't right.
void load_and_compare(
    Engine& engine,
    const std::shared_ptr<const Source>& source,
    const Plan& plan,
    const Material& material,
    Stopper& stopper,
    Outcome& outcome);

/// Notes what is thrown and what is left over.
void save_and_compare(const Plan& plan, const Material& material, Outcome& outcome);

/// What is in the folder of that file beside it.
std::string others_beside(const std::string& path);

/// "" if the file holds the sample; nothing goes wrong meanwhile.
std::string file_difference(const std::string& path, std::size_t shape, const Material& material);

} // namespace tz::soak
