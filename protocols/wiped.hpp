// Text that is wiped when it goes: what secrets pass through on their way into a Secret.
#pragma once

#include <tz/format/seal.hpp>

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace tz {

inline void wipe(std::string& text) noexcept {
    format::wipe(std::as_writable_bytes(std::span(text)));
}

/// Owns a text and wipes it. Neither copied nor moved.
class Wiped {
public:
    explicit Wiped(std::string&& text) : text_(std::move(text)) { wipe(text); }

    Wiped(const Wiped&) = delete;
    Wiped& operator=(const Wiped&) = delete;

    ~Wiped() { wipe(text_); }

    const std::string& text() const noexcept { return text_; }

    std::string& text() noexcept { return text_; }

private:
    std::string text_;
};

/// Null for an empty text.
inline std::shared_ptr<const format::Secret> make_secret(std::string_view text) {
    if (text.empty())
        return nullptr;
    return std::make_shared<const format::Secret>(std::as_bytes(std::span(text)));
}

} // namespace tz
