#include "core.hpp"
#include <tz/format/error.hpp>

#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>

namespace tzio {

void raise_made(const nb::object& error) {
    PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(error.ptr())), error.ptr());
}

namespace {

/// As an exception of tzio.errors.
void raise(const tz::Error& error) {
    const nb::object make = nb::module_::import_("tzio.errors").attr("from_core");
    raise_made(
        make(name_of(error.kind()), error.what(), error.source(), error.offset(), error.hint()));
}

} // namespace

void bind_errors(nb::module_&) {
    nb::register_exception_translator([](const std::exception_ptr& thrown, void*) {
        try {
            std::rethrow_exception(thrown);
        } catch (const tz::Error& error) {
            raise(error);
        }
    });
}

} // namespace tzio
