// Loads to a device, by the fake runtime (tests/support/fake_cudart.hpp), where this build has it.
#pragma once

#include "attempt.hpp"

#include <memory>
#include <string_view>
#include <vector>

namespace tz::soak {

bool has_device();

/// What the device has at the end is compared; what is left on it is noted.
void load_to_fake_device(
    Engine& engine,
    const std::shared_ptr<const Source>& source,
    const LoadOptions& options,
    const Plan& plan,
    const Material& material,
    Outcome& outcome);

/// The calls whose failure is tried, each at its n-th time.
std::vector<std::string_view> device_calls_that_fail();

/// A load to the device whose `nth` call of that function fails; false if there were fewer.
bool load_with_failing_device(
    std::string_view call, unsigned nth, const Material& material, Outcome& outcome);

} // namespace tz::soak
