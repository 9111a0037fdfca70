// An input is read three times: as a file, as a header (mutations of a file seldom keep its length
// right) and as a list of shards.
#include "memory_bound.hpp"
#include <tz/format/error.hpp>
#include <tz/format/name.hpp>
#include <tz/format/safetensors.hpp>
#include <tz/format/shard_index.hpp>

#include <cstdint>
#include <functional>
#include <vector>

namespace {

using namespace tz::format;
using tz::test::require;

// What parse_safetensors() promises.
void check(const Layout& layout, std::uint64_t file_bytes) {
    std::uint64_t end = layout.index_bytes;
    for (const Tensor& tensor : layout.tensors) {
        require(tensor.data.offset == end && tensor.header == Range{end, 0});
        require(tensor.bytes == tensor.data.bytes && tensor.shape.size() <= dimensions_max);
        std::uint64_t bits = tensor.dtype.bits;
        for (const std::uint64_t dimension : tensor.shape)
            bits *= dimension;
        require(bits == 8 * tensor.bytes); // or both are products of zero
        require(!tensor.dtype.name.empty() && tz::valid_utf8(tensor.name));
        require(tensor.name.empty() || !parse_name(tensor.name, 0).empty());
        end = tensor.data.end();
    }
    require(end == file_bytes);
    for (const auto& [name, text] : layout.metadata)
        require(tz::valid_utf8(name) && tz::valid_utf8(text));
}

void try_to(const std::function<void()>& parse) {
    try {
        parse();
    } catch (const tz::Error& error) {
        require(error.offset().has_value() && !error.hint().empty());
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto input = std::as_bytes(std::span(data, size));
    const tz::test::MemoryBound bound(size);
    try_to([&] {
        const std::uint64_t index = safetensors_index_bytes(input, size);
        check(parse_safetensors(input.first(index), size), size);
    });
    std::vector<std::byte> file(8);
    for (std::size_t i = 0; i < 8; ++i)
        file[i] = static_cast<std::byte>(size >> (8 * i));
    file.insert(file.end(), input.begin(), input.end());
    // as much data as the header names, so that many are right
    for (const std::uint64_t data_bytes : {0, 4, 36}) {
        const std::uint64_t file_bytes = file.size() + data_bytes;
        try_to([&] { check(parse_safetensors(file, file_bytes), file_bytes); });
    }
    try_to([&] {
        const ShardIndex index = parse_shard_index(input);
        require(!index.shards.empty() && !index.tensors.empty());
        for (const ShardIndex::Entry& entry : index.tensors)
            require(entry.shard < index.shards.size());
    });
    return 0;
}
