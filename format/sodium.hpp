// libsodium, for the files of this folder that call it.
#pragma once

#include <sodium.h>

#include <cstddef>

namespace tz::format {

/// Before any other call; costs nothing again. Throws `tz::Error` (errc::unsupported). Any thread.
void start_sodium();

inline unsigned char* raw(std::byte* bytes) {
    return reinterpret_cast<unsigned char*>(bytes);
}

inline const unsigned char* raw(const std::byte* bytes) {
    return reinterpret_cast<const unsigned char*>(bytes);
}

} // namespace tz::format
