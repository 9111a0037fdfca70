// An input is a byte that says what it is, and then: a manifest; a file, whose manifest is compared
// with it; or the bundle of a model signature.
#include "memory_bound.hpp"
#include <tz/format/dsse.hpp>
#include <tz/format/error.hpp>
#include <tz/format/file_index.hpp>
#include <tz/format/hash.hpp>
#include <tz/format/manifest.hpp>
#include <tz/format/manifest_place.hpp>
#include <tz/format/manifest_root.hpp>
#include <tz/format/model_statement.hpp>
#include <tz/format/requirement.hpp>

#include <algorithm>
#include <cstdint>

namespace {

using namespace tz::format;
using tz::test::require;

using Bytes = std::span<const std::byte>;

void use_manifest(Bytes bytes) {
    const Manifest manifest = parse_manifest(bytes, 7);
    require(manifest.headers.empty() || manifest.headers.size() == manifest.tensors);
    require(manifest.pieces.size() == manifest_pieces(manifest.file_bytes, manifest.piece_bytes));
    require(std::ranges::equal(write_manifest(manifest), bytes));
    static const Secret key = random_key();
    Requirement by_key;
    by_key.kind = Requirement::Kind::file_key;
    bool met = true;
    try {
        check_requirement(by_key, &manifest, &key);
    } catch (const tz::Error& error) {
        require(error.kind() == tz::errc::auth);
        met = false;
    }
    require(!met); // nobody has signed with a key that nobody knows
}

// The steps put a manifest where it is found, and take it away without a trace.
void use_steps(Bytes index, Range unused, std::optional<Range> inside, Bytes manifest) {
    std::vector<std::byte> bytes(index.begin(), index.end());
    for (const RegionWrite& step : manifest_steps(unused, inside, manifest)) {
        require(step.offset >= unused.offset && step.offset + step.bytes.size() <= unused.end());
        std::ranges::copy(step.bytes, bytes.begin() + static_cast<std::ptrdiff_t>(step.offset));
    }
    const auto found = find_manifest(bytes);
    require(found.has_value() == !manifest.empty());
    if (found)
        require(
            std::ranges::equal(std::span(bytes).subspan(found->offset, found->bytes), manifest));
}

void use_file(Bytes file) {
    const std::uint64_t size =
        file_index_bytes(file.first(std::min<std::size_t>(file.size(), prefix_bytes)), file.size());
    const Bytes index = file.first(size);
    const Layout layout = parse_file_index(index, file.size());
    const IndexView view = view_index(index, layout);
    require(view.head.size() + view.entries.size() + view.unused().bytes == index.size());
    if (!layout.has_headers())
        return;
    std::vector<Sha256> headers;
    for (const Tensor& tensor : layout.tensors)
        headers.push_back(sha256(file.subspan(tensor.header.offset, tensor.header.bytes)));
    Manifest made = describe(layout);
    made.root = root_of(made, view, headers);
    check_description(made, layout);
    check_root(made, view, headers);
    const auto inside = find_manifest(index);
    require(!inside || inside->offset >= view.unused().offset);
    const auto bytes = write_manifest(made);
    if (bytes.size() <= view.unused().bytes)
        use_steps(index, view.unused(), inside, bytes);
    use_steps(index, view.unused(), inside, {});
    if (inside)
        use_manifest(index.subspan(inside->offset, inside->bytes));
}

void use_bundle(Bytes text) {
    const Envelope envelope = parse_bundle(text);
    const ModelStatement statement = parse_statement(envelope);
    for (const ModelStatement::File& file : statement.files) {
        require(statement.find(file.name) == &file);
        require(!file.name.starts_with('/') && file.name.find("..") != 0);
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0)
        return 0;
    const auto input = std::as_bytes(std::span(data + 1, size - 1));
    const tz::test::MemoryBound bound(size);
    try {
        switch (data[0] % 4) {
        case 0:
            use_manifest(input);
            break;
        case 1:
            use_file(input);
            break;
        case 2:
            use_bundle(input);
            break;
        default: { // a statement by itself: a bundle has it as base64
            Envelope envelope;
            envelope.payload_type = "application/vnd.in-toto+json";
            envelope.payload.assign(input.begin(), input.end());
            parse_statement(envelope);
        }
        }
    } catch (const tz::Error& error) {
        require(error.offset().has_value() && !error.hint().empty());
    }
    return 0;
}
