// Strict reading of JSON from untrusted files, one value after another in the order of the text: so
// nothing is kept of it, a name that stands twice is seen, and every failure has its place in the
// file. simdjson finds the values and checks UTF-8 and grammar. For the sources of this folder.
#pragma once

#include <tz/format/cursor.hpp>
#include <tz/format/error.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <simdjson.h>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace tz::format {

/// One text. The values it gives are read once each, in order, before the next one is asked for;
/// texts stay as long as the reader. Every function throws `tz::Error` (errc::format).
class JsonReader {
public:
    using Value = simdjson::ondemand::value;
    using Object = simdjson::ondemand::object;

    /// `at` is the place of the first byte in the file, `part` names the text in errors, e.g. "the
    /// header". Copies the text, since simdjson wants room behind it.
    JsonReader(std::span<const std::byte> text, std::uint64_t at, const char* part);

    /// Names the tensor in errors from now on; empty: none.
    void about(std::string_view tensor) { tensor_ = tensor; }

    /// The object that is all of the text. `use(name, at, value)` is called for each member.
    template <typename Use>
    void read_root(Use&& use) {
        Object object;
        if (const auto error = document_.get_object().get(object))
            fail(error);
        read_members(object, use);
        if (document_.current_location().error() != simdjson::OUT_OF_BOUNDS)
            fail(std::string("text follows ") + part_, here());
    }

    /// The same for a value; `what` names it in errors.
    template <typename Use>
    void read_object(Value value, const char* what, Use&& use) {
        const std::uint64_t at = place(value);
        Object object;
        if (value.get_object().get(object))
            fail(std::string(what) + " is no JSON object", at);
        read_members(object, use);
    }

    /// `use(value)` for each element.
    template <typename Use>
    void read_array(Value value, const char* what, Use&& use) {
        const std::uint64_t at = place(value);
        simdjson::ondemand::array array;
        if (value.get_array().get(array))
            fail(std::string(what) + " is no JSON array", at);
        for (auto element : array) {
            Value one;
            if (const auto error = std::move(element).get(one))
                fail(error);
            use(one);
        }
    }

    std::string_view read_text(Value value, const char* what);

    /// A whole number, without sign, fraction and exponent, below 2^64.
    std::uint64_t read_number(Value value, const char* what);

    /// Whether it is null, which is then read.
    bool read_null(Value value);

    /// Reads a value of any kind, and all in it, for its grammar alone.
    void skip(Value value) { skip(value, 0); }

    /// Place in the file of a value that is not read yet.
    std::uint64_t place(Value& value) const;

    [[noreturn]] void fail(
        const std::string& problem,
        std::uint64_t at,
        errc kind = errc::format,
        const char* hint = damaged_hint) const;

private:
    template <typename Use>
    void read_members(Object object, Use&& use) {
        for (auto member : object) {
            simdjson::ondemand::field field;
            if (const auto error = std::move(member).get(field))
                fail(error);
            const std::uint64_t at = place(field.key().raw());
            std::string_view name;
            if (const auto error = field.unescaped_key().get(name))
                fail(error);
            use(name, at, field.value());
        }
    }

    void skip(Value value, int depth);
    std::uint64_t place(const char* position) const;
    std::uint64_t here();
    [[noreturn]] void fail(simdjson::error_code error);

    simdjson::padded_string text_;
    std::uint64_t at_;
    const char* part_;
    std::string_view tensor_;
    simdjson::ondemand::parser parser_;
    simdjson::ondemand::document document_;
};

} // namespace tz::format
