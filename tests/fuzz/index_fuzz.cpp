// An input is a file: its index is parsed, and then every header that the index lists.
#include "memory_bound.hpp"
#include <tz/format/error.hpp>
#include <tz/format/name.hpp>
#include <tz/format/tensorizer.hpp>

#include <algorithm>
#include <cstdint>

namespace {

using namespace tz::format;
using tz::test::require;

// What parse_index() promises.
void check(const Layout& layout, std::uint64_t file_bytes) {
    std::uint64_t previous_end = layout.index_bytes;
    std::uint64_t total = 0;
    for (const Tensor& tensor : layout.tensors) {
        require(tensor.header.offset >= previous_end);
        require(tensor.data.offset == tensor.header.end());
        require(tensor.data.end() <= file_bytes);
        require(!__builtin_add_overflow(total, tensor.bytes, &total));
        require(!parse_name(tensor.name, 0).empty());
        require(!display_name(tensor.name).empty());
        previous_end = tensor.data.end();
    }
    require(total == layout.total_bytes());
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto file = std::as_bytes(std::span(data, size));
    const tz::test::MemoryBound bound(size);
    try {
        const std::uint64_t index =
            index_bytes(file.first(std::min<std::size_t>(size, prefix_bytes)), size);
        const Layout layout = parse_index(file.first(index), size);
        check(layout, size);
        for (const Tensor& tensor : layout.tensors)
            parse_header(file.subspan(tensor.header.offset, tensor.header.bytes), tensor, layout);
    } catch (const tz::Error& error) {
        require(error.offset().has_value() && !error.hint().empty());
    }
    return 0;
}
