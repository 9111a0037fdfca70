#include "timeline.hpp"

#include "core.hpp"

#include <algorithm>
#include <exception>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>

namespace tzio {

void Timeline::add(const tz::Trace& load, tz::Trace::Clock::time_point began) {
    const std::lock_guard lock(mutex_);
    tz::Trace& all = *file_.trace();
    std::uint64_t chunks = 0;
    tz::TraceEvent last;
    for (const tz::TraceEvent& event : load.events()) {
        all.record(
            event.stage,
            event.lane,
            chunks_ + event.chunk,
            event.bytes,
            began + event.begin,
            began + event.end);
        chunks = std::max(chunks, event.chunk + 1);
        last = event;
    }
    // Whoever had no room for them all has filled this one too, which counts the rest.
    for (std::uint64_t i = 0; i < load.dropped(); ++i)
        all.record(last.stage, last.lane, last.chunk, 0, began, began);
    chunks_ += chunks;
}

void Timeline::write() {
    const std::lock_guard lock(mutex_);
    file_.write();
}

Timed::Timed(Timeline* timeline, tz::LoadOptions& options) : timeline_(timeline) {
    if (timeline_)
        options.trace = trace_ = std::make_shared<tz::Trace>();
}

Timed::~Timed() {
    try {
        if (timeline_)
            timeline_->add(*trace_, began_);
    } catch (const std::exception&) {
        timeline_ = nullptr; // no memory for it: the load goes before its timeline
    }
}

void bind_timeline(nb::module_& module) {
    nb::class_<Timeline>(module, "Timeline", "Loads as a file that ui.perfetto.dev opens.")
        .def(nb::init<const std::string&>(), nb::arg("path"))
        .def("write", &Timeline::write, nb::call_guard<nb::gil_scoped_release>());
}

} // namespace tzio
