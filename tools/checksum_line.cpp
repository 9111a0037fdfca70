#include <tz/format/hash.hpp>
#include <tz/tools/checksum_line.hpp>

namespace tz::cli {

std::string checksum_line(const format::Sha256& digest, std::string_view name) {
    std::string escaped;
    for (const char c : name) {
        if (c == '\\')
            escaped += "\\\\";
        else if (c == '\n')
            escaped += "\\n";
        else if (c == '\r')
            escaped += "\\r";
        else
            escaped += c;
    }
    const char* mark = escaped.size() == name.size() ? "" : "\\";
    return mark + format::hex(digest) + "  " + escaped + "\n";
}

} // namespace tz::cli
