// Bounded little-endian reading of untrusted bytes. Every parser of this folder reads through a
// Cursor, so that no length from a file is believed before it is compared with what is there, and
// every failure names the byte of the file where it happened.
#pragma once

#include <tz/format/error.hpp>
#include <tz/format/name.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace tz::format {

/// What to do about bytes that can't be right.
inline constexpr const char* damaged_hint = "the file is damaged or cut off; fetch it again";

/// Reports bytes that break the format.
[[noreturn]] inline void
throw_format(std::string problem, std::uint64_t at, const char* hint = damaged_hint) {
    throw Error(errc::format, std::move(problem), at, hint);
}

/// Reads fields one after another. Refers to the caller's bytes and names; copies are cheap.
class Cursor {
public:
    /// `at` is the place of the first byte in the file, `part` names these bytes in errors, e.g.
    /// "the index". `tensor` is the stored name of the tensor they belong to, if any.
    Cursor(
        std::span<const std::byte> bytes,
        std::uint64_t at,
        const char* part,
        std::string_view tensor = {})
        : rest_(bytes),
          at_(at),
          part_(part),
          tensor_(tensor) {}

    /// Place in the file of the next byte.
    std::uint64_t at() const { return at_; }

    std::uint64_t remaining() const { return rest_.size(); }

    /// The next integer; `field` names it in errors.
    template <std::unsigned_integral T>
    T read(const char* field) {
        const std::span<const std::byte> bytes = take(sizeof(T), field);
        T value = 0;
        for (std::size_t i = 0; i < sizeof(T); ++i)
            value = static_cast<T>(value | static_cast<T>(static_cast<T>(bytes[i]) << (8 * i)));
        return value;
    }

    std::span<const std::byte> take(std::uint64_t count, const char* field) {
        if (count > rest_.size())
            ends_within(field, count);
        const std::span<const std::byte> taken = rest_.first(static_cast<std::size_t>(count));
        rest_ = rest_.subspan(taken.size());
        at_ += count;
        return taken;
    }

    std::string_view text(std::uint64_t count, const char* field) {
        const std::span<const std::byte> bytes = take(count, field);
        return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
    }

    /// The next `count` bytes as a part of their own.
    Cursor part(std::uint64_t count, const char* name) {
        const std::uint64_t start = at_;
        return Cursor(take(count, name), start, name, tensor_);
    }

    /// The same place, naming the tensor in errors; skip_to() comes back from there.
    Cursor about(std::string_view tensor) const { return Cursor(rest_, at_, part_, tensor); }

    void skip_to(const Cursor& later) { take(later.at_ - at_, "a field"); }

    /// Fails at `at`, or at the next byte.
    [[noreturn]] void fail(
        const std::string& problem,
        std::optional<std::uint64_t> at = {},
        errc kind = errc::format,
        const char* hint = damaged_hint) const {
        const std::string subject = tensor_.empty() ? "" : tensor_label(tensor_) + ": ";
        throw Error(kind, subject + problem, at.value_or(at_), hint);
    }

private:
    [[noreturn]] void ends_within(const char* field, std::uint64_t count) const {
        fail(
            std::string(part_) + " ends within " + field + ": " + std::to_string(count) +
            " bytes expected, " + std::to_string(rest_.size()) + " left");
    }

    std::span<const std::byte> rest_;
    std::uint64_t at_;
    const char* part_;
    std::string_view tensor_;
};

} // namespace tz::format
