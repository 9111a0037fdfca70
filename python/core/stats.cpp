#include "core.hpp"
#include <tz/engine/stats.hpp>

#include <nanobind/stl/string.h>

namespace tzio {

namespace {

nb::dict stage_of(const tz::StageStats& stage) {
    nb::dict facts;
    facts["bytes"] = stage.bytes;
    facts["cpu_seconds"] = stage.cpu_seconds;
    facts["wait_seconds"] = stage.wait_seconds;
    return facts;
}

} // namespace

nb::dict stats_of(const tz::LoadStats& stats) {
    nb::dict facts;
    facts["bytes"] = stats.bytes;
    facts["tensors"] = stats.tensors;
    facts["seconds"] = stats.seconds;
    facts["cpu_seconds"] = stats.cpu_seconds;
    facts["read_bytes"] = stats.read_bytes;
    facts["mapped_bytes"] = stats.mapped_bytes;
    facts["staging_bytes"] = stats.staging_bytes;
    facts["requests"] = stats.requests;
    facts["retries"] = stats.retries;
    facts["refetched"] = stats.refetched;
    nb::dict stages;
    stages["read"] = stage_of(stats.read);
    stages["wait"] = stage_of(stats.wait);
    stages["verify"] = stage_of(stats.verify);
    stages["decrypt"] = stage_of(stats.decrypt);
    stages["copy"] = stage_of(stats.copy);
    facts["stages"] = stages;
    facts["explanation"] = tz::explain(stats);
    return facts;
}

} // namespace tzio
