// An input is a byte that picks an entry, and a tensor's header. Its length field is put right, so
// that what follows is reached.
#include "entries.hpp"
#include "memory_bound.hpp"
#include <tz/format/crypt_info.hpp>
#include <tz/format/error.hpp>

#include <cstdint>

namespace {

using namespace tz::format;
using tz::test::require;

const std::vector<Layout>& layouts() {
    static const std::vector<Layout> all = [] {
        std::vector<Layout> made;
        for (const tz::test::Entry& entry : tz::test::entries())
            made.push_back(tz::test::layout_of(entry));
        return made;
    }();
    return all;
}

// What parse_header() promises.
void check(const TensorHeader& header, const Tensor& tensor, const Layout& layout) {
    require(header.hashed.size() <= tensor.header.bytes);
    require(header.seal.has_value() == (layout.encrypted && tensor.data.bytes != 0));
    if (header.seal)
        require(
            header.seal->macs.size() == piece_count(tensor.data.bytes, header.seal->piece_bytes));
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 9)
        return 0;
    const Layout& layout = layouts()[data[0] % layouts().size()];
    const auto input = std::as_bytes(std::span(data + 1, size - 1));
    std::vector<std::byte> bytes(input.begin(), input.end());
    for (std::size_t i = 0; i < 8; ++i)
        bytes[i] = static_cast<std::byte>(bytes.size() >> (8 * i));
    Tensor tensor = layout.tensors.front();
    tensor.header.bytes = bytes.size();
    tensor.data.offset = tensor.header.end();
    const tz::test::MemoryBound bound(size);
    try {
        check(parse_header(bytes, tensor, layout), tensor, layout);
    } catch (const tz::Error& error) {
        require(error.offset().has_value() && !error.hint().empty());
    }
    return 0;
}
