#include <tz/engine/file_calls.hpp>
#include <tz/tools/console.hpp>
#include <tz/tools/exit.hpp>
#include <tz/tools/uri_text.hpp>

#include <fmt/format.h>

#include <cerrno>
#include <new>
#include <system_error>

namespace tz::cli {

namespace {

ExitCode exit_code_of_errno(int value) noexcept {
    return value == ENOMEM ? exit_no_room : exit_code(kind_of_errno(value));
}

} // namespace

ExitCode exit_code(errc kind) noexcept {
    switch (kind) {
    case errc::format:
    case errc::integrity:
    case errc::auth:
    case errc::unsupported:
        return exit_bad_data;
    case errc::not_found:
        return exit_not_found;
    case errc::denied:
        return exit_denied;
    case errc::transport:
    case errc::deadline:
    case errc::object_changed:
        return exit_temporary;
    case errc::limit:
        return exit_no_room;
    case errc::io:
    case errc::device:
        return exit_failed;
    case errc::cancelled:
        return exit_cancelled;
    case errc::usage:
        return exit_usage;
    }
    return exit_failed;
}

ExitCode exit_code(const std::exception& error) noexcept {
    if (const auto* ours = dynamic_cast<const Error*>(&error))
        return exit_code(ours->kind());
    if (dynamic_cast<const std::bad_alloc*>(&error))
        return exit_no_room;
    // Boost's system_error is not the standard's
    if (const auto* system = dynamic_cast<const std::system_error*>(&error))
        return exit_code_of_errno(system->code().default_error_condition().value());
    if (const auto* system = dynamic_cast<const boost::system::system_error*>(&error))
        return exit_code_of_errno(system->code().default_error_condition().value());
    return exit_failed;
}

Error about_inputs(const Error& error, const std::vector<std::string>& inputs) {
    const bool of_all = error.kind() == errc::deadline || error.kind() == errc::limit;
    if (!of_all || inputs.empty())
        return error;
    std::string names = without_secrets(inputs.front());
    if (inputs.size() > 1)
        names += fmt::format(" and {} more", inputs.size() - 1);
    return error.in(names);
}

int report_failure(std::string_view program, const std::exception& error) noexcept try {
    if (dynamic_cast<const ClosedPipe*>(&error))
        return exit_ok;
    // only the library's own texts are known to be printable
    const bool ours = dynamic_cast<const Error*>(&error) != nullptr;
    const bool memory = dynamic_cast<const std::bad_alloc*>(&error) != nullptr;
    const std::string what = memory ? "out of memory"
                             : ours ? error.what()
                                    : printable(error.what());
    Console().line(fmt::format("{}: {}", program, what));
    return exit_code(error);
} catch (...) { // no memory even for the message

    return exit_code(error);
}

} // namespace tz::cli
