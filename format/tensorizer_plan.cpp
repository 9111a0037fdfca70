// Plans a new file, and writes what stands before its tensors.
#include <tz/format/appender.hpp>
#include <tz/format/error.hpp>
#include <tz/format/header_parts.hpp>
#include <tz/format/tensorizer.hpp>
#include <tz/format/tensorizer_place.hpp>
#include <tz/format/tensorizer_specs.hpp>

#include <algorithm>
#include <string>
#include <utility>

namespace tz::format {

namespace {

std::uint64_t region_bytes(std::span<const Tensor> tensors, const WriteOptions& options) {
    const std::uint64_t entries = entries_bytes(tensors);
    if (options.like_pip && entries > usual_region_bytes)
        throw Error(
            errc::limit,
            "pip's writer can't write so many tensors: its index has " +
                std::to_string(usual_region_bytes) + " bytes, and they take " +
                std::to_string(entries),
            {},
            "don't write like pip: its reader takes larger ones");
    const std::uint64_t bytes =
        std::max(entries + reserved_bytes(tensors.size(), options), options.region_bytes_min);
    if (bytes > index_bytes_max - prefix_bytes)
        throw Error(errc::limit, "the names and shapes are too long for one file");
    return bytes;
}

} // namespace

WriteOptions like_pip_options() {
    WriteOptions options;
    options.large_alignment = 1;
    options.small_alignment = 1;
    options.like_pip = true;
    return options;
}

Layout plan_file(std::span<const TensorSpec> specs, const WriteOptions& options) {
    check_options(options);
    Specified specified = check_specs(specs, options);
    Layout layout;
    layout.encrypted = options.encrypted;
    layout.version = specified.version;
    layout.tensors = std::move(specified.tensors);
    layout.index_bytes = prefix_bytes + region_bytes(layout.tensors, options);
    layout.file_bytes = place(layout.tensors, layout.index_bytes, options) + terminator_bytes;
    return layout;
}

std::vector<std::byte> write_index(const Layout& layout) {
    const bool tagged = any_long(layout.tensors);
    std::uint64_t data_bytes = 0;
    for (const Tensor& tensor : layout.tensors)
        data_bytes += tensor.data.bytes;

    Appender out;
    out.reserve(layout.index_bytes);
    out.text(magic);
    out.integer<std::uint32_t>(layout.version);
    // before version 4 the field has no meaning
    out.integer<std::uint64_t>(
        (layout.version >= 4 && layout.encrypted ? 1 : 0) + (tagged ? 2 : 0));
    out.zeros(24);
    out.integer<std::uint64_t>(data_bytes);
    out.integer<std::uint64_t>(0); // reserved
    out.integer<std::uint64_t>(layout.tensors.size());
    out.integer<std::uint64_t>(layout.index_bytes - prefix_bytes);
    for (const Tensor& tensor : layout.tensors) {
        if (tagged)
            out.integer<std::uint32_t>(tensor.long_dimensions ? 5 : 1);
        append_description(out, tensor, /*kind_first=*/false);
        out.integer<std::uint64_t>(tensor.header.offset);
        out.integer<std::uint64_t>(tensor.data.offset);
        out.integer<std::uint64_t>(tensor.data.bytes);
    }
    if (out.size() > layout.index_bytes)
        throw Error(errc::usage, "the layout leaves too little room for the index");
    out.zeros(layout.index_bytes - out.size());
    return out.finish();
}

} // namespace tz::format
