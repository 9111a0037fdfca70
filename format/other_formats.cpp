#include <tz/format/other_formats.hpp>

#include <algorithm>
#include <string>
#include <string_view>

namespace tz::format {

namespace {

constexpr const char* server_hint =
    "a server or proxy has sent this in place of the file; check the "
    "address and the credentials";
constexpr const char* convert_hint =
    "convert it to safetensors or .tensors, or load it with its own library";

std::string lower_without_blanks(std::string_view text) {
    const std::size_t start = text.find_first_not_of(" \t\r\n");
    std::string lower(text.substr(std::min(start, text.size())));
    for (char& c : lower)
        if (c >= 'A' && c <= 'Z')
            c = static_cast<char>(c - 'A' + 'a');
    return lower;
}

bool pickle(std::string_view text) {
    return text.size() > 2 && text[0] == '\x80' && text[1] >= 2 && text[1] <= 5;
}

} // namespace

Guess guess_format(std::span<const std::byte> start) {
    std::string_view text(reinterpret_cast<const char*>(start.data()), start.size());
    if (text.starts_with("\xef\xbb\xbf"))
        text.remove_prefix(3); // byte order mark before a text
    const std::string lower = lower_without_blanks(text);
    if (lower.starts_with("<!doctype html") || lower.starts_with("<html"))
        return {"an HTML page", server_hint};
    if (lower.starts_with("<?xml") || lower.starts_with("<error"))
        return {"XML, as servers such as S3 send errors", server_hint};
    if (text.starts_with("version https://git-lfs"))
        return {"a Git LFS pointer", "run `git lfs pull` for the file itself"};
    if (text.starts_with("PK\x03\x04"))
        return {"a zip archive, perhaps a PyTorch checkpoint", convert_hint};
    if (pickle(text))
        return {"a Python pickle, perhaps an old PyTorch checkpoint", convert_hint};
    if (text.starts_with("GGUF"))
        return {"a GGUF model", convert_hint};
    if (lower.starts_with("{"))
        return {"JSON", "give the file with the weights, not its index or an answer of a server"};
    if (!text.empty() && text.find_first_not_of('\0') == text.npos)
        return {"zeros, as an unfinished download leaves", "fetch it again"};
    return {nullptr, "check the path; .tensors and safetensors files can be read"};
}

} // namespace tz::format
