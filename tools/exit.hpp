// How a program ends: exit codes, and the one line that says what went wrong.
#pragma once

#include <tz/format/error.hpp>

#include <exception>
#include <string>
#include <string_view>
#include <vector>

namespace tz::cli {

/// Scripts rely on these numbers; they stand in the manual.
enum ExitCode : int {
    exit_ok = 0,
    exit_failed = 1,      ///< the operating system or a device refused
    exit_usage = 2,       ///< options that are wrong or cannot hold together
    exit_not_found = 3,   ///< no such file
    exit_denied = 4,      ///< permissions or credentials
    exit_temporary = 5,   ///< a retry may help
    exit_bad_data = 6,    ///< format, hash or decryption
    exit_no_room = 7,     ///< space, memory, or one of our limits
    exit_cancelled = 130, ///< Ctrl-C
};

ExitCode exit_code(errc kind) noexcept;
/// Of any exception: those of tzio, of the operating system (by errno), and of an empty heap.
ExitCode exit_code(const std::exception& error) noexcept;

/// A deadline that passed and memory that ran out are of a command as a whole: the same error,
/// naming what the command was given to read, as typed but for secrets. Others stay.
Error about_inputs(const Error& error, const std::vector<std::string>& inputs);

/// Writes "PROGRAM: WHAT" to stderr and returns the exit code. A reader of our output that went
/// away (`ClosedPipe`) is nobody's failure: no line, exit_ok.
int report_failure(std::string_view program, const std::exception& error) noexcept;

} // namespace tz::cli
