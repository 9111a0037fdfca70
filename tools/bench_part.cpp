#include <tz/engine/choose.hpp>
#include <tz/format/error.hpp>
#include <tz/format/name.hpp>
#include <tz/tools/bench_part.hpp>

#include <algorithm>
#include <span>

namespace tz::bench {

namespace {

/// As many rows as fit, at least one.
Slice first_rows(const format::Tensor& tensor, std::uint64_t bytes_max) {
    const std::uint64_t rows = tensor.shape.front();
    const std::uint64_t row_bytes = std::max<std::uint64_t>(1, tensor.bytes / rows);
    const std::uint64_t wanted = std::max<std::uint64_t>(1, bytes_max / row_bytes);
    return {format::key_name(tensor.name), 0, 0, std::min(rows, wanted)};
}

} // namespace

Selection choose_part(const format::Layout& layout, const Part& part) {
    Selection patterns;
    patterns.include = part.include;
    patterns.exclude = part.exclude;
    const auto items = choose_items(std::span(&layout, 1), patterns);
    Selection chosen;
    std::uint64_t bytes = 0;
    for (const Item& item : items) {
        const format::Tensor& tensor = *item.tensor;
        if (part.bytes_max > 0 && bytes + tensor.bytes > part.bytes_max) {
            // elements of less than a byte can't be cut everywhere
            const bool cuts = tensor.dtype.bits >= 8 && !tensor.shape.empty() && tensor.bytes > 0;
            if (!chosen.names.empty())
                break;
            if (cuts)
                chosen.slices.push_back(first_rows(tensor, part.bytes_max));
        }
        chosen.names.push_back(format::key_name(tensor.name));
        bytes += tensor.bytes;
    }
    if (chosen.names.empty())
        throw Error(
            errc::not_found,
            "no tensor matches",
            {},
            "look at --include; `tz inspect` lists names");
    return chosen;
}

} // namespace tz::bench
