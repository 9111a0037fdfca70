#include <tz/engine/new_file.hpp>
#include <tz/engine/save_manifest.hpp>
#include <tz/engine/save_session.hpp>
#include <tz/engine/save_tensors.hpp>
#include <tz/format/appender.hpp>
#include <tz/format/error.hpp>
#include <tz/format/tensorizer_append.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <utility>
#include <vector>

namespace tz {

struct SaveSession::State {
    void begin(std::span<const TensorView> tensors);
    void append(std::span<const TensorView> tensors);
    void write_behind(
        const format::Layout& grown,
        std::span<const std::byte> index,
        std::span<const TensorView> tensors);
    void write_entries(std::span<const std::byte> index, const format::Layout& grown);
    void restore(const format::Layout& grown) noexcept;

    std::string path;
    SaveSettings settings;
    Existing existing;
    std::unique_ptr<NewFile> file{}; ///< once it has its name
    format::Layout layout{};
    bool unknown = false; ///< what the file holds
};

SaveSession::SaveSession(const std::string& path, const SaveOptions& options, Existing existing) {
    try {
        state_ = std::make_unique<State>(State{path, save_settings(options), existing});
    } catch (const Error& error) {
        throw error.in(path);
    }
}

SaveSession::~SaveSession() = default;
SaveSession::SaveSession(SaveSession&&) noexcept = default;
SaveSession& SaveSession::operator=(SaveSession&&) noexcept = default;

void SaveSession::add(std::span<const TensorView> tensors) {
    try {
        if (!state_->file)
            state_->begin(tensors);
        else if (!tensors.empty())
            state_->append(tensors);
    } catch (const Error& error) {
        throw error.in(state_->path);
    }
}

const format::Layout& SaveSession::layout() const {
    return state_->layout;
}

void SaveSession::State::begin(std::span<const TensorView> tensors) {
    format::Layout planned = format::plan_file(specs_of(tensors), settings.write);
    auto made = std::make_unique<NewFile>(path, existing);
    made->write(format::write_index(planned), 0);
    if (settings.manifest) {
        SaveManifest manifest(planned, settings);
        write_tensors(*made, planned, tensors, settings, FirstHeader::whole, &manifest);
        made->write(manifest.finish(), manifest.place().offset);
    } else {
        write_tensors(*made, planned, tensors, settings, FirstHeader::whole);
    }
    made->sync();
    made->publish();
    file = std::move(made);
    layout = std::move(planned);
}

void SaveSession::State::append(std::span<const TensorView> tensors) {
    if (settings.manifest)
        throw Error(
            errc::usage,
            "a file with a manifest takes no more tensors",
            {},
            "write all of them at once, or add the manifest behind the last write");
    if (unknown)
        throw Error(
            errc::io,
            "an earlier write failed, and it isn't known what the file holds",
            {},
            "write the file anew");
    format::Layout grown = format::plan_append(layout, specs_of(tensors), settings.write);
    if (!file->has_its_name())
        throw Error(
            errc::object_changed, "another file has this name now", {}, "write the file anew");
    const auto counts = format::counts_field;
    const std::vector<std::byte> index = format::write_index(grown);
    try {
        write_behind(grown, index, tensors);
        file->write(std::span(index).subspan(counts.offset, counts.bytes), counts.offset);
    } catch (...) {
        restore(grown);
        throw;
    }
    try {
        file->sync();
    } catch (...) {
        unknown = true;
        throw;
    }
    layout = std::move(grown);
}

/// Writes all that nobody looks at as long as the counts are the old ones.
void SaveSession::State::write_behind(
    const format::Layout& grown,
    std::span<const std::byte> index,
    std::span<const TensorView> tensors) {
    file->write(format::appending_mark, format::reserved_field.offset);
    write_tensors(*file, grown, tensors, settings, FirstHeader::without_length);
    file->sync(); // entries must not be on the disk before the mark and what they speak of
    write_entries(index, grown);
    const format::Range& first = grown.tensors[layout.tensors.size()].header;
    format::Appender length;
    length.integer<std::uint64_t>(first.bytes);
    file->write(length.finish(), first.offset);
    file->sync();
}

/// Writes the part of an index where the entries of added tensors stand.
void SaveSession::State::write_entries(
    std::span<const std::byte> index, const format::Layout& grown) {
    const std::uint64_t begin = format::entries_end(layout);
    file->write(index.subspan(begin, format::entries_end(grown) - begin), begin);
}

/// Takes back what write_behind() wrote, and counts that may be half written.
void SaveSession::State::restore(const format::Layout& grown) noexcept {
    try {
        std::vector<std::byte> index = format::write_index(layout);
        const auto old_counts =
            std::span(index).subspan(format::counts_field.offset, format::counts_field.bytes);
        const auto reserved =
            std::span(index).subspan(format::reserved_field.offset, format::reserved_field.bytes);
        std::ranges::copy(format::appending_mark, reserved.begin());
        file->write(old_counts, format::counts_field.offset);
        const std::array<std::byte, format::terminator_bytes> terminator{};
        file->write(terminator, layout.file_bytes - terminator.size());
        write_entries(index, grown);
        file->cut(layout.file_bytes);
        file->sync();
        std::ranges::fill(reserved, std::byte{0});
        file->write(old_counts, format::counts_field.offset);
    } catch (const std::exception&) {
        unknown = true; // readers find the old tensors even so
    }
}

} // namespace tz
