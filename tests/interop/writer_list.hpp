// What the Python tests say they want written.
#pragma once

#include <tz/engine/save.hpp>
#include <tz/format/seal.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace tz::interop {

struct List {
    std::vector<TensorView> tensors; ///< their data is in `data`
    SaveOptions options;
    std::vector<std::size_t> parts; ///< tensors of each write of a session
    /// By tensor, those of a file that is to come out the same; then the salt too. Empty: random.
    std::vector<std::optional<format::Nonce>> nonces;
    format::KeyDerivation derivation;
    std::vector<std::byte> data;
};

/// A list in JSON, and a file with the data of all tensors, one behind the other.
List read_list(const std::string& list_path, const std::string& data_path);

} // namespace tz::interop
