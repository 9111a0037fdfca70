// What a finished job hands over.
#pragma once

#include <tz/engine/job.hpp>
#include <tz/engine/load.hpp>

#include <vector>

namespace tz {

/// By file: tensors, their memory, headers and digests, as the job's options ask. The layouts are
/// left to the caller, who has them.
std::vector<LoadedFile> collect(Job& job);

} // namespace tz
