#include <tz/protocols/c/handles.hpp>

#include <new>
#include <system_error>
#include <utility>

namespace tz::c {

namespace {

static_assert(TZ_ERROR_FORMAT == static_cast<int>(errc::format));
static_assert(TZ_ERROR_INTEGRITY == static_cast<int>(errc::integrity));
static_assert(TZ_ERROR_AUTH == static_cast<int>(errc::auth));
static_assert(TZ_ERROR_UNSUPPORTED == static_cast<int>(errc::unsupported));
static_assert(TZ_ERROR_NOT_FOUND == static_cast<int>(errc::not_found));
static_assert(TZ_ERROR_DENIED == static_cast<int>(errc::denied));
static_assert(TZ_ERROR_TRANSPORT == static_cast<int>(errc::transport));
static_assert(TZ_ERROR_DEADLINE == static_cast<int>(errc::deadline));
static_assert(TZ_ERROR_OBJECT_CHANGED == static_cast<int>(errc::object_changed));
static_assert(TZ_ERROR_LIMIT == static_cast<int>(errc::limit));
static_assert(TZ_ERROR_IO == static_cast<int>(errc::io));
static_assert(TZ_ERROR_DEVICE == static_cast<int>(errc::device));
static_assert(TZ_ERROR_CANCELLED == static_cast<int>(errc::cancelled));
static_assert(TZ_ERROR_USAGE == static_cast<int>(errc::usage));

tz_error error_of(const Error& error) {
    tz_error made;
    made.status = static_cast<tz_status>(error.kind());
    made.message = error.what();
    made.file = error.source();
    made.hint = error.hint();
    made.offset = error.offset();
    return made;
}

tz_error error_of(tz_status status, const char* message) {
    tz_error made;
    made.status = status;
    made.message = printable(message);
    return made;
}

tz_error error_of(const std::exception_ptr& failure) {
    try {
        std::rethrow_exception(failure);
    } catch (const PartialLoad& error) {
        tz_error made = error_of(static_cast<const Error&>(error));
        made.complete = error.complete();
        return made;
    } catch (const Error& error) {
        return error_of(error);
    } catch (const std::bad_alloc&) {
        return error_of(TZ_ERROR_LIMIT, "out of memory");
    } catch (const std::exception& error) {
        return error_of(TZ_ERROR_IO, error.what());
    } catch (...) {
        return error_of(TZ_ERROR_IO, "a callback threw");
    }
}

} // namespace

tz_status report(const std::exception_ptr& failure, tz_error** error) noexcept {
    try {
        tz_error made = error_of(failure);
        const tz_status status = made.status;
        if (error != nullptr)
            *error = new tz_error(std::move(made));
        return status;
    } catch (...) { // no memory for the error
        return TZ_ERROR_LIMIT;
    }
}

} // namespace tz::c

const char* tz_version() {
    return TZ_VERSION;
}

tz_status tz_error_status(const tz_error* error) {
    return error != nullptr ? error->status : TZ_OK;
}

const char* tz_error_message(const tz_error* error) {
    return error != nullptr ? error->message.c_str() : "";
}

const char* tz_error_file(const tz_error* error) {
    return error != nullptr ? error->file.c_str() : "";
}

const char* tz_error_hint(const tz_error* error) {
    return error != nullptr ? error->hint.c_str() : "";
}

int tz_error_offset(const tz_error* error, uint64_t* offset) {
    if (error == nullptr || !error->offset)
        return 0;
    if (offset != nullptr)
        *offset = *error->offset;
    return 1;
}

size_t tz_error_complete_count(const tz_error* error) {
    return error != nullptr ? error->complete.size() : 0;
}

const char* tz_error_complete_name(const tz_error* error, size_t index) {
    return index < tz_error_complete_count(error) ? error->complete[index].name.c_str() : nullptr;
}

size_t tz_error_complete_file(const tz_error* error, size_t index) {
    return index < tz_error_complete_count(error) ? error->complete[index].file : 0;
}

void tz_error_destroy(tz_error* error) {
    delete error;
}
