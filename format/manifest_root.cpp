#include <tz/format/appender.hpp>
#include <tz/format/error.hpp>
#include <tz/format/hash.hpp>
#include <tz/format/header_parts.hpp>
#include <tz/format/manifest_parts.hpp>
#include <tz/format/manifest_root.hpp>
#include <tz/format/safetensors.hpp>

#include <cassert>
#include <string>

namespace tz::format {

namespace {

constexpr std::string_view root_domain = "tzmanif1 root";
constexpr std::string_view subject_domain = "tzmanif1 subject";
constexpr std::size_t flags_at = 9; // in a `.tensors` file
constexpr unsigned flag_tagged = 2;

std::uint64_t entries_bytes(const Layout& layout, bool tagged) {
    std::uint64_t bytes = 0;
    for (const Tensor& tensor : layout.tensors)
        bytes += header_fixed_bytes(tensor) + 4 + (tagged ? 4 : 0);
    return bytes;
}

void append_sized(Appender& out, std::span<const std::byte> bytes) {
    out.integer<std::uint64_t>(bytes.size());
    out.bytes(bytes);
}

void check_number(const char* what, std::uint64_t said, std::uint64_t is) {
    if (said != is)
        throw Error(
            errc::auth,
            "its manifest is of a file with " + std::to_string(said) + " " + what +
                ", this one has " + std::to_string(is),
            {},
            "the file or its manifest was replaced; fetch both again");
}

} // namespace

Range IndexView::unused() const {
    const std::uint64_t begin = head.size() + entries.size();
    return {begin, layout->index_bytes - begin};
}

IndexView view_index(std::span<const std::byte> index, const Layout& layout) {
    assert(index.size() == layout.index_bytes);
    IndexView view;
    view.layout = &layout;
    if (layout.format == FileFormat::safetensors) {
        view.head = index.first(safetensors_prefix_bytes);
        view.entries = index.subspan(safetensors_prefix_bytes);
        return view;
    }
    const bool tagged = (std::to_integer<unsigned>(index[flags_at]) & flag_tagged) != 0;
    view.head = index.first(prefix_bytes);
    view.entries = index.subspan(prefix_bytes, entries_bytes(layout, tagged));
    return view;
}

Manifest describe(const Layout& layout) {
    Manifest manifest;
    manifest.file_bytes = layout.file_bytes;
    manifest.tensors = layout.tensors.size();
    for (const Tensor& tensor : layout.tensors)
        manifest.data_bytes += tensor.data.bytes;
    return manifest;
}

Sha256 root_of(const Manifest& manifest, const IndexView& index, std::span<const Sha256> headers) {
    const std::vector<Tensor>& tensors = index.layout->tensors;
    const bool has_headers = index.layout->has_headers();
    assert(headers.size() == (has_headers ? tensors.size() : 0));
    Appender start;
    start.text(root_domain);
    start.integer<std::uint8_t>(has_headers ? 1 : 2);
    append_manifest_fixed(start, manifest);
    append_sized(start, index.head);
    append_sized(start, index.entries);
    start.integer<std::uint64_t>(headers.size());
    Sha256Stream hash;
    hash.update(start.finish());
    for (std::size_t i = 0; i < headers.size(); ++i) {
        Appender one;
        one.integer<std::uint64_t>(tensors[i].header.offset);
        one.bytes(headers[i]);
        hash.update(one.finish());
    }
    Appender count;
    count.integer<std::uint64_t>(manifest.pieces.size());
    hash.update(count.finish());
    for (const Sha256& piece : manifest.pieces)
        hash.update(piece);
    return hash.finish();
}

void check_description(const Manifest& manifest, const Layout& layout) {
    const Manifest is = describe(layout);
    check_number("bytes", manifest.file_bytes, is.file_bytes);
    check_number("tensors", manifest.tensors, is.tensors);
    check_number("bytes of data", manifest.data_bytes, is.data_bytes);
    if (layout.has_headers())
        return;
    // nothing else binds the data of a safetensors file
    if (manifest.pieces.empty())
        throw Error(
            errc::integrity,
            "its manifest has no hashes of its data",
            {},
            "make it anew with `tz manifest add`");
    if (!manifest.headers.empty())
        throw Error(
            errc::format,
            "its manifest lists tensor headers, which safetensors files don't have",
            {},
            "make it anew with `tz manifest add`");
}

void check_root(const Manifest& manifest, const IndexView& index, std::span<const Sha256> headers) {
    if (root_of(manifest, index, headers) != manifest.root)
        throw Error(
            errc::integrity,
            "the file is not the one that its manifest is of: index, tensor headers or the "
            "manifest itself were changed",
            {},
            "fetch it again from where you trust it");
}

Subject subject_of(std::string_view text) {
    Appender out;
    out.text(subject_domain);
    append_sized(out, std::as_bytes(std::span(text.data(), text.size())));
    return sha256(out.finish());
}

} // namespace tz::format
