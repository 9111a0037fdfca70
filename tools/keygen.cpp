// `tz keygen`: a new key in a new file.
#include <tz/engine/new_file.hpp>
#include <tz/format/hash.hpp>
#include <tz/format/seal.hpp>
#include <tz/tools/commands.hpp>
#include <tz/tools/json.hpp>
#include <tz/tools/loading.hpp>

#include <fmt/format.h>

#include <array>
#include <span>

namespace tz::cli {

namespace {

/// 64 hex digits and a line end, wiped however the scope ends.
struct KeyText {
    std::array<char, 2 * format::key_bytes + 1> text{};

    explicit KeyText(const format::Secret& key) {
        char* at = text.data();
        for (const std::byte byte : key.bytes()) {
            static constexpr const char* digits = "0123456789abcdef";
            *at++ = digits[std::to_integer<unsigned>(byte) / 16];
            *at++ = digits[std::to_integer<unsigned>(byte) % 16];
        }
        *at = '\n';
    }

    ~KeyText() { format::wipe(std::as_writable_bytes(std::span(text))); }
};

} // namespace

int run_keygen(const Options& options, const KeygenArguments& arguments) {
    NewFile file(arguments.path, arguments.force ? Existing::replaced : Existing::refused);
    file.keep_private();
    const KeyText key(format::random_key());
    file.write(std::as_bytes(std::span(key.text)), 0);
    file.sync();
    file.publish();
    const std::string made = fmt::format("wrote a new key to {}", printable(arguments.path));
    write_after(made, [&] {
        if (options.json) {
            Json json = result("tz-keygen/1");
            json["file"] = printable(arguments.path);
            write_json(json);
        } else if (!options.quiet) {
            write_result(made + "\n");
        }
    });
    return 0;
}

} // namespace tz::cli
