// Encrypted files with nonces and a salt that are given: by the format's own functions, since no
// user may choose them.
#pragma once

#include <tz/tests/interop/writer_list.hpp>

#include <cstddef>
#include <vector>

namespace tz::interop {

/// The whole file.
std::vector<std::byte> sealed_file(const List& list);

} // namespace tz::interop
