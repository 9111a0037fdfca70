// The one error type of tzio. It stands in the lowest folder because the parsers throw it too; they
// know the byte offset but not the file, which whoever opened the source adds on the way up
// (`Error::in`).
#pragma once

#include <boost/system/system_error.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tz {

/// The kind of a failure. Programs turn it into an exit code, Python into an exception class.
enum class errc : std::uint8_t {
    format = 1,     ///< the file breaks its format
    integrity,      ///< a stored hash does not fit, or is missing though it was asked for
    auth,           ///< a MAC does not fit, a wrong key, or a key given or missing wrongly
    unsupported,    ///< a version, flag or type that this build does not know
    not_found,      ///< no such file or object
    denied,         ///< permissions or credentials
    transport,      ///< the network or the server; a retry may help
    deadline,       ///< the caller's deadline has passed
    object_changed, ///< the source was replaced or altered during the load
    limit,          ///< one of our limits, memory, or space
    io,             ///< the operating system refused a read or a write
    device,         ///< a GPU error
    cancelled,      ///< the caller asked to stop
    usage,          ///< options that cannot hold together
};

/// Of the last one; the first is 1, and there is none missing in between.
inline constexpr int errc_last = static_cast<int>(errc::usage);

/// Its name above, for what programs read: metrics, Python, reports.
const char* name_of(errc kind) noexcept;

const boost::system::error_category& error_category() noexcept;

inline boost::system::error_code make_error_code(errc code) noexcept {
    return {static_cast<int>(code), error_category()};
}

/// What failed, where in which source, and what to do about it. Copyable, safe to pass between
/// threads. `what()` is one line of printable text and never holds a secret.
class Error : public boost::system::system_error {
public:
    /// `what` says what is wrong, without a full stop. `offset` counts bytes from the start of the
    /// source. `hint` says what the user can do.
    explicit Error(
        errc kind,
        std::string what,
        std::optional<std::uint64_t> offset = {},
        std::string hint = {});

    errc kind() const noexcept { return static_cast<errc>(code().value()); }

    /// What is wrong, alone.
    const std::string& problem() const noexcept { return problem_; }

    const std::string& source() const noexcept { return source_; }

    std::optional<std::uint64_t> offset() const noexcept { return offset_; }

    const std::string& hint() const noexcept { return hint_; }

    const char* what() const noexcept override { return text_.c_str(); }

    /// The same error, naming the file or URL it happened in. The first name given stays.
    Error in(const std::string& source) const;

private:
    std::string problem_;
    std::string source_;
    std::optional<std::uint64_t> offset_;
    std::string hint_;
    std::string text_;
};

/// The system's text for an errno value.
std::string system_message(int error);

bool valid_utf8(std::string_view text);

/// `text` with control characters and invalid UTF-8 written as \xNN: names come from untrusted
/// files and end up on terminals.
std::string printable(std::string_view text);

} // namespace tz

template <>
struct boost::system::is_error_code_enum<tz::errc> : std::true_type {};
