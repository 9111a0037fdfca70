// What an OpenSSF model signature says of a model: its files and their SHA-256. Pure.
#pragma once

#include <tz/format/dsse.hpp>
#include <tz/format/tensorizer.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace tz::format {

struct ModelStatement {
    struct File {
        std::string name; ///< its path in the folder, "/" between the parts
        Sha256 sha256;
    };

    std::vector<File> files;          ///< sorted by name
    std::vector<std::string> ignored; ///< paths in the folder that may be there, with all in them
    bool symlinks = false;            ///< were followed

    const File* find(std::string_view name) const;
    bool ignores(std::string_view name) const;
};

/// The statement in a checked envelope. Throws `tz::Error`: errc::format, errc::unsupported where
/// it is of another kind.
ModelStatement parse_statement(const Envelope& envelope);

} // namespace tz::format
