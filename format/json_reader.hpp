// Strict reading of JSON from untrusted files, one value after another in the order of the text: so
// nothing is kept of it, a name that stands twice is seen, and every failure has its place in the
// file. Neither copies nor indexes the text: it takes no memory but for texts that hold escapes.
// For the sources of this folder.
#pragma once

#include <tz/format/cursor.hpp>
#include <tz/format/error.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tz::format {

/// One text, which must outlive the reader. The values it gives are read once each, in order,
/// before the next one is asked for; texts stay as long as the reader. Every function throws
/// `tz::Error` (errc::format).
class JsonReader {
public:
    /// A value that is not read yet.
    class Value {
        friend JsonReader;

        explicit Value(const char* begin) : begin_(begin) {}

        const char* begin_;
    };

    /// `at` is the place of the first byte in the file, `part` names the text in errors, e.g. "the
    /// header".
    JsonReader(std::span<const std::byte> text, std::uint64_t at, const char* part);

    /// Names the tensor in errors from now on; empty: none.
    void about(std::string_view tensor) { tensor_ = tensor; }

    /// The object that is all of the text. `use(name, at, value)` is called for each member.
    template <typename Use>
    void read_root(Use&& use) {
        begin_root();
        read_members(use);
        end_root();
    }

    /// The same for a value; `what` names it in errors.
    template <typename Use>
    void read_object(Value value, const char* what, Use&& use) {
        if (!begins(value, '{'))
            fail(std::string(what) + " is no JSON object", place(value));
        read_members(use);
    }

    /// `use(value)` for each element.
    template <typename Use>
    void read_array(Value value, const char* what, Use&& use) {
        if (!begins(value, '['))
            fail(std::string(what) + " is no JSON array", place(value));
        ++next_;
        if (take(']'))
            return;
        do
            use(take_value());
        while (goes_on(']'));
    }

    std::string_view read_text(Value value, const char* what);

    /// A whole number, without sign, fraction and exponent, below 2^64.
    std::uint64_t read_number(Value value, const char* what);

    bool read_bool(Value value, const char* what);

    /// Whether it is null, which is then read.
    bool read_null(Value value);

    /// Reads a value of any kind, and all in it, for its grammar alone.
    void skip(Value value) { skip(value, 0); }

    /// For a name that may stand once in its object, `what` in errors: `seen` is where it did.
    void once(std::optional<std::uint64_t>& seen, std::uint64_t at, std::string_view what) const;

    /// What texts that had escapes take, until the reader is gone.
    std::size_t decoded_bytes() const { return decoded_bytes_; }

    /// Place in the file of a value.
    std::uint64_t place(Value value) const { return place(value.begin_); }

    [[noreturn]] void fail(
        const std::string& problem,
        std::uint64_t at,
        errc kind = errc::format,
        const char* hint = damaged_hint) const;

private:
    template <typename Use>
    void read_members(Use& use) {
        ++next_;
        if (take('}'))
            return;
        do {
            const std::uint64_t at = place(next_);
            const std::string_view name = take_name();
            use(name, at, take_value());
        } while (goes_on('}'));
    }

    void skip(Value value, int depth);
    void skip_number(Value value);
    void check_turn(Value value) const; ///< each is read once, in order
    bool begins(Value value, char token) const;
    void begin_root();
    void end_root();
    void pass_blanks();
    bool take(char token);
    bool take_word(std::string_view word);
    bool goes_on(char end);
    Value take_value();
    std::string_view take_name();
    std::string_view take_text();
    std::string_view decoded(std::string_view raw);
    char* room_for(std::size_t bytes, bool& shared);

    std::uint64_t place(const char* position) const {
        return at_ + static_cast<std::uint64_t>(position - begin_);
    }

    [[noreturn]] void fail_grammar(const char* problem, const char* position) const;

    const char* begin_;
    const char* end_;
    const char* next_; ///< the first byte that is not read
    std::uint64_t at_;
    const char* part_;
    std::string_view tensor_;
    // texts that had escapes
    std::vector<std::unique_ptr<char[]>> blocks_;
    char* free_ = nullptr;
    std::size_t free_bytes_ = 0;
    std::size_t decoded_bytes_ = 0; ///< of all blocks
};

} // namespace tz::format
