// A load's trace as a file of Chrome Trace Event JSON, which opens in ui.perfetto.dev and
// chrome://tracing.
#pragma once

#include <tz/engine/new_file.hpp>
#include <tz/engine/trace.hpp>

#include <memory>
#include <optional>
#include <ostream>
#include <string>

namespace tz::cli {

/// One track a lane, one for the caller, one for each stream of a device; counters of chunks and
/// bytes in flight; arrows that follow each chunk from stage to stage. Slices stand in the order of
/// their beginnings. `name` is the process's, plain ASCII.
void write_chrome_trace(std::ostream& to, const Trace& trace, const std::string& name = "tz load");

/// Made before the load, so that a path that can't be written fails at once: under a temporary name
/// beside it, and renamed when it is whole. Devices and pipes are written to as they are.
class TraceFile {
public:
    /// Throws `tz::Error` (not_found, denied, io).
    explicit TraceFile(std::string path, std::string name = "tz load");
    /// Writes what there is where write() was not called: a failed load's trace tells why.
    ~TraceFile();
    TraceFile(const TraceFile&) = delete;
    TraceFile& operator=(const TraceFile&) = delete;

    std::shared_ptr<Trace> trace() const { return trace_; }

    /// Throws `tz::Error`.
    void write();

private:
    std::string path_;
    std::string name_;
    std::optional<NewFile> file_; ///< null for a device or a pipe
    std::shared_ptr<Trace> trace_ = std::make_shared<Trace>();
    bool written_ = false;
};

} // namespace tz::cli
