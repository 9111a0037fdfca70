#include <tz/format/error.hpp>

#include <cstdio>
#include <utility>

namespace tz {

namespace {

class Category final : public boost::system::error_category {
public:
    const char* name() const noexcept override { return "tz"; }

    std::string message(int code) const override {
        switch (static_cast<errc>(code)) {
        case errc::format:
            return "the file breaks its format";
        case errc::integrity:
            return "a hash does not fit or is missing";
        case errc::auth:
            return "authentication failed";
        case errc::unsupported:
            return "not supported";
        case errc::not_found:
            return "not found";
        case errc::denied:
            return "permission denied";
        case errc::transport:
            return "transport failed";
        case errc::deadline:
            return "deadline passed";
        case errc::object_changed:
            return "the source changed during the load";
        case errc::limit:
            return "limit exceeded";
        case errc::io:
            return "input or output failed";
        case errc::device:
            return "device failed";
        case errc::cancelled:
            return "cancelled";
        case errc::usage:
            return "wrong usage";
        }
        return "unknown error";
    }
};

// Length of the valid UTF-8 sequence at the start of `text`, or 0.
std::size_t utf8_length(std::string_view text) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char lead = byte(0);
    const std::size_t length = lead < 0x80   ? 1
                               : lead < 0xc2 ? 0
                               : lead < 0xe0 ? 2
                               : lead < 0xf0 ? 3
                               : lead < 0xf5 ? 4
                                             : 0;
    if (length == 0 || length > text.size())
        return 0;
    for (std::size_t i = 1; i < length; ++i)
        if ((byte(i) & 0xc0) != 0x80)
            return 0;
    if (lead == 0xe0 && byte(1) < 0xa0)
        return 0; // overlong
    if (lead == 0xed && byte(1) > 0x9f)
        return 0; // surrogate
    if (lead == 0xf0 && byte(1) < 0x90)
        return 0; // overlong
    if (lead == 0xf4 && byte(1) > 0x8f)
        return 0; // above U+10FFFF
    return length;
}

} // namespace

const char* name_of(errc kind) noexcept {
    switch (kind) {
    case errc::format:
        return "format";
    case errc::integrity:
        return "integrity";
    case errc::auth:
        return "auth";
    case errc::unsupported:
        return "unsupported";
    case errc::not_found:
        return "not_found";
    case errc::denied:
        return "denied";
    case errc::transport:
        return "transport";
    case errc::deadline:
        return "deadline";
    case errc::object_changed:
        return "object_changed";
    case errc::limit:
        return "limit";
    case errc::io:
        return "io";
    case errc::device:
        return "device";
    case errc::cancelled:
        return "cancelled";
    case errc::usage:
        return "usage";
    }
    return "unknown";
}

const boost::system::error_category& error_category() noexcept {
    static const Category category;
    return category;
}

Error::Error(errc kind, std::string what, std::optional<std::uint64_t> offset, std::string hint)
    : system_error(make_error_code(kind)),
      problem_(std::move(what)),
      offset_(offset),
      hint_(std::move(hint)) {
    text_ = problem_;
    if (offset_)
        text_ += " (at byte " + std::to_string(*offset_) + ")";
    if (!hint_.empty())
        text_ += "; " + hint_;
}

Error Error::in(const std::string& source) const {
    if (!source_.empty())
        return *this;
    Error named = *this;
    named.source_ = source;
    named.text_ = printable(source) + ": " + text_;
    return named;
}

std::string system_message(int error) {
    return boost::system::error_code(error, boost::system::system_category()).message();
}

bool valid_utf8(std::string_view text) {
    while (!text.empty()) {
        const std::size_t length = utf8_length(text);
        if (length == 0)
            return false;
        text.remove_prefix(length);
    }
    return true;
}

std::string printable(std::string_view text) {
    std::string out;
    while (!text.empty()) {
        const std::size_t length = utf8_length(text);
        const auto byte = static_cast<unsigned char>(text.front());
        // C0, DEL and C1 controls move cursors and change colours
        const bool control =
            byte < 0x20 || byte == 0x7f ||
            (byte == 0xc2 && length == 2 && static_cast<unsigned char>(text[1]) < 0xa0);
        if (length == 0 || control) {
            for (std::size_t i = 0; i < (length ? length : 1); ++i) {
                char escaped[5];
                std::snprintf(
                    escaped, sizeof escaped, "\\x%02x", static_cast<unsigned char>(text[i]));
                out += escaped;
            }
        } else {
            out += text.substr(0, length);
        }
        text.remove_prefix(length ? length : 1);
    }
    return out;
}

} // namespace tz
