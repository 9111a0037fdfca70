#include <tz/protocols/base64.hpp>

#include <openssl/evp.h>

namespace tz {

namespace {

int base64_digit(char c) {
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

} // namespace

std::string encode_base64(std::span<const std::byte> bytes) {
    std::string text(4 * ((bytes.size() + 2) / 3) + 1, '\0');
    const int size = ::EVP_EncodeBlock(
        reinterpret_cast<unsigned char*>(text.data()),
        reinterpret_cast<const unsigned char*>(bytes.data()),
        static_cast<int>(bytes.size()));
    text.resize(static_cast<std::size_t>(size));
    return text;
}

bool decode_base64(std::string_view text, std::span<std::byte> to) {
    if (text.size() != (to.size() + 2) / 3 * 4)
        return false;
    const std::size_t padding = (3 - to.size() % 3) % 3;
    if (!text.ends_with(std::string_view("==").substr(0, padding)))
        return false;
    text.remove_suffix(padding);
    unsigned bits = 0;
    unsigned count = 0;
    std::size_t done = 0;
    for (const char c : text) {
        const int digit = base64_digit(c);
        if (digit < 0)
            return false;
        bits = (bits << 6 | static_cast<unsigned>(digit)) & 0xffff;
        count += 6;
        if (count >= 8) {
            count -= 8;
            to[done++] = static_cast<std::byte>(bits >> count);
        }
    }
    return (bits & ((1u << count) - 1)) == 0; // else two texts would mean the same bytes
}

} // namespace tz
