// The index entries that header_fuzz reads headers for. The first byte of an input picks one.
#pragma once

#include <tz/format/tensorizer.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace tz::test {

/// A tensor and the kind of file it stands in.
struct Entry {
    format::TensorSpec spec;
    std::uint64_t piece_bytes; ///< 0: not encrypted
    bool password;
};

inline std::vector<Entry> entries() {
    using format::TensorKind;
    const std::string bfloat16("<V2\0torch.bfloat16", 18);
    return {
        {{"w", TensorKind::state, "<f4", {2}, 8}, 0, false},
        {{"model.weight", TensorKind::parameter, bfloat16, {16, 8}, 256}, 0, false},
        {{"long", TensorKind::buffer, "|u1", {1ull << 32, 0}, 0}, 0, false},
        {{"scalar", TensorKind::state, "<f8", {}, 8}, 0, false},
        {{"w", TensorKind::state, "<f4", {1000}, 4000}, 1024, false},
        {{"w", TensorKind::state, "<f4", {1000}, 4000}, 1024, true},
        {{"w", TensorKind::state, "<f4", {1000}, 4000}, format::usual_piece_bytes, false},
        {{"empty", TensorKind::state, "<f4", {0}, 0}, format::usual_piece_bytes, true},
    };
}

/// The plan of a file with this tensor alone.
inline format::Layout layout_of(const Entry& entry) {
    format::WriteOptions options;
    options.region_bytes_min = 0;
    options.encrypted = entry.piece_bytes != 0;
    if (options.encrypted)
        options.piece_bytes = entry.piece_bytes;
    if (entry.password)
        options.derivation.emplace();
    return format::plan_file(std::vector{entry.spec}, options);
}

} // namespace tz::test
