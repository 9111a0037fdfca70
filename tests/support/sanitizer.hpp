// Which sanitizer the tests are built with, whichever compiler it is; or, where
// TZ_ADDRESS_SANITIZED says so, the programs that they start.
#pragma once

namespace tz::test {

#if defined(__has_feature) // clang
inline constexpr bool address_sanitized = __has_feature(address_sanitizer);
inline constexpr bool thread_sanitized = __has_feature(thread_sanitizer);
#else // g++ defines these where they are on
#if defined(__SANITIZE_ADDRESS__) || defined(TZ_ADDRESS_SANITIZED)
inline constexpr bool address_sanitized = true;
#else
inline constexpr bool address_sanitized = false;
#endif
#if defined(__SANITIZE_THREAD__)
inline constexpr bool thread_sanitized = true;
#else
inline constexpr bool thread_sanitized = false;
#endif
#endif

inline constexpr bool sanitized = address_sanitized || thread_sanitized;

} // namespace tz::test
