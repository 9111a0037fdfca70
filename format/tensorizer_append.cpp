#include <tz/format/error.hpp>
#include <tz/format/tensorizer_append.hpp>
#include <tz/format/tensorizer_place.hpp>
#include <tz/format/tensorizer_specs.hpp>

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>

namespace tz::format {

namespace {

void check_room(const Layout& layout, const WriteOptions& options) {
    const std::uint64_t end = entries_end(layout);
    const std::uint64_t reserved = reserved_bytes(layout.tensors.size(), options);
    if (end <= layout.index_bytes && reserved <= layout.index_bytes - end)
        return;
    const std::uint64_t region = layout.index_bytes - prefix_bytes;
    throw Error(
        errc::limit,
        "no room in the index: with these tensors it takes " + std::to_string(end - prefix_bytes) +
            " bytes, and its region has " + std::to_string(region - std::min(region, reserved)),
        {},
        "write more tensors at once, or give the file a larger region from the start");
}

} // namespace

std::uint64_t entries_end(const Layout& layout) {
    return prefix_bytes + entries_bytes(layout.tensors);
}

Layout
plan_append(const Layout& file, std::span<const TensorSpec> specs, const WriteOptions& options) {
    check_options(options);
    Specified added = check_specs(specs, options, file.tensors);
    if (any_long(added.tensors) && !any_long(file.tensors))
        throw Error(
            errc::usage,
            "the first tensor with a dimension of 2^32 or more can't be added to a file",
            {},
            "write it with the first tensors");
    Layout layout = file;
    layout.version = std::max(file.version, added.version);
    std::ranges::move(added.tensors, std::back_inserter(layout.tensors));
    check_room(layout, options);
    layout.file_bytes = place(
                            std::span(layout.tensors).subspan(file.tensors.size()),
                            file.file_bytes - terminator_bytes,
                            options) +
                        terminator_bytes;
    return layout;
}

} // namespace tz::format
