// Whole `.tensors` files in memory, and where their fields stand, for tests that damage them.
#pragma once

#include "bytes.hpp"
#include <tz/format/seal.hpp>
#include <tz/format/tensorizer.hpp>

#include <optional>
#include <string>
#include <vector>

namespace tz::test {

/// A tensor and its content.
struct Content {
    format::TensorSpec spec;
    Bytes data;
};

/// A tensor of this dtype and shape; the data counts up.
Content content(
    std::string name,
    std::string dtype_code,
    std::vector<std::uint64_t> shape,
    format::TensorKind kind = format::TensorKind::state);

struct MadeFile {
    format::Layout layout;
    Bytes bytes;
};

struct MakeOptions {
    format::WriteOptions write;
    std::uint64_t region_bytes = 0; ///< 0: exactly what is needed
    const format::Secret* key = nullptr;
    format::Nonce nonce = counting_array<24>(0x40);
};

/// Packed, as pip does.
format::WriteOptions packed();

MadeFile make_file(const std::vector<Content>& tensors, const MakeOptions& options = {});

/// Where the fields of entry `index` stand.
struct EntryPlaces {
    std::size_t tag; ///< only with long dimensions in the file
    std::size_t name_length, name, kind, dtype_length, dtype, dimensions, shape;
    std::size_t header_offset, data_offset, data_length;
};

EntryPlaces entry_places(const MadeFile& file, std::size_t index);

/// Where the fields of a tensor's header stand in the file.
struct HeaderPlaces {
    std::size_t length, module_index, kind, name_length, name, dtype_length, dtype, dimensions,
        shape;
    std::size_t hashes_size, hash_count, first_hash, crypt_info, data_length;
};

HeaderPlaces header_places(const MadeFile& file, std::size_t index);

/// A file read in full.
struct Parsed {
    format::Layout layout;
    std::vector<format::TensorHeader> headers;
};

/// Reads index and all headers of a file of which only these bytes are left.
Parsed parse_all(const Bytes& bytes);

/// The data as it was before it was sealed. Fails the test where a MAC does not fit.
Bytes opened(
    const Bytes& file,
    const format::Tensor& tensor,
    const format::TensorHeader& header,
    const format::Secret* key);

} // namespace tz::test
