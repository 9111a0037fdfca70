// The manifest of a `.tensors` file that is being written, made of the headers as they go out:
// nothing is read again, and the file has it when it gets its name. CPU steps only.
#pragma once

#include <tz/engine/save_settings.hpp>
#include <tz/format/layout.hpp>
#include <tz/format/manifest.hpp>

#include <atomic>
#include <cstddef>
#include <span>
#include <vector>

namespace tz {

class SaveManifest {
public:
    /// Of a file that is planned with these settings, in which a manifest is asked for. Both
    /// outlive it. Throws `tz::Error` (errc::limit) where the layout leaves too little room.
    SaveManifest(const format::Layout& layout, const SaveSettings& settings);

    /// Where it goes: the end of the metadata region.
    format::Range place() const { return place_; }

    /// Takes the header of the tensor at `place` in the layout, as it is written: each once, in any
    /// order, on any threads. Returns true to who brings the last one.
    bool take_header(std::size_t place, std::span<const std::byte> header);

    /// Its bytes, signed, once all headers are taken. Once.
    std::vector<std::byte> finish();

    /// After finish().
    const format::Manifest& manifest() const { return manifest_; }

private:
    const format::Layout& layout_;
    const SaveSettings& settings_;
    format::Manifest manifest_;
    format::Range place_;
    std::atomic<std::size_t> missing_; ///< headers
};

} // namespace tz
