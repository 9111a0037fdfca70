#include <tz/format/cursor.hpp>
#include <tz/format/dtype.hpp>
#include <tz/format/error.hpp>
#include <tz/format/spelling.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <string>

namespace tz::format {

namespace {

struct Known {
    std::string_view code; // without the byte order
    std::string_view name; // NumPy's and torch's alike
    std::uint32_t bytes;
};

constexpr std::array numpy_types{
    Known{"b1", "bool", 1},
    Known{"i1", "int8", 1},
    Known{"u1", "uint8", 1},
    Known{"i2", "int16", 2},
    Known{"u2", "uint16", 2},
    Known{"i4", "int32", 4},
    Known{"u4", "uint32", 4},
    Known{"i8", "int64", 8},
    Known{"u8", "uint64", 8},
    Known{"f2", "float16", 2},
    Known{"f4", "float32", 4},
    Known{"f8", "float64", 8},
    Known{"c8", "complex64", 8},
    Known{"c16", "complex128", 16},
};

struct Opaque {
    std::string_view name;
    std::uint32_t bytes;
};

// Wide opaque types; a wrong size under a known name would fool whoever goes by the name. The many
// one-byte types follow from their names' beginnings.
constexpr std::array wide_types{Opaque{"bfloat16", 2}, Opaque{"bits16", 2}, Opaque{"complex32", 4}};
constexpr std::array<std::string_view, 4> narrow_types{"float8_", "float4_", "bits8", "bits1x8"};

std::optional<std::uint32_t> size_by_name(std::string_view name) {
    for (const Known& known : numpy_types)
        if (known.name == name)
            return known.bytes;
    for (const Opaque& wide : wide_types)
        if (wide.name == name)
            return wide.bytes;
    for (const std::string_view start : narrow_types)
        if (name.starts_with(start))
            return 1;
    return {};
}

[[noreturn]] void unsupported(std::string_view code, std::uint64_t at, const char* why) {
    throw Error(
        errc::unsupported,
        "dtype " + quoted(code) + " " + why,
        at,
        "convert the tensor to a little-endian dtype that PyTorch has");
}

bool plain_word(std::string_view word) {
    const auto fits = [](char c) {
        return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
               (c >= 'A' && c <= 'Z');
    };
    return !word.empty() && std::all_of(word.begin(), word.end(), fits);
}

DType parse_opaque(
    std::string_view code, std::string_view base, std::string_view torch, std::uint64_t at) {
    std::uint32_t bytes = 0;
    const char* const end = base.data() + base.size();
    const auto [stop, failure] = std::from_chars(base.data() + 1, end, bytes);
    const bool sized = failure == std::errc() && stop == end;
    if (!sized || (bytes != 1 && bytes != 2 && bytes != 4 && bytes != 8))
        throw_format("dtype " + quoted(code) + " has no element size of 1, 2, 4 or 8 bytes", at);
    constexpr std::string_view prefix = "torch.";
    if (!torch.starts_with(prefix) || !plain_word(torch.substr(prefix.size())))
        throw_format("dtype " + quoted(code) + " does not name a torch type", at);
    const std::string_view name = torch.substr(prefix.size());
    if (const auto known = size_by_name(name); known && *known != bytes)
        throw_format(
            "dtype " + quoted(code) + ": elements of " + std::string(name) + " have " +
                std::to_string(*known) + " bytes",
            at);
    return {std::string(code), std::string(name), 8 * bytes};
}

} // namespace

DType parse_dtype(std::string_view code, std::uint64_t at) {
    const std::size_t nul = code.find('\0');
    const bool named = nul != code.npos;
    std::string_view base = code.substr(0, nul);
    const std::string_view torch = named ? code.substr(nul + 1) : std::string_view();
    if (torch.find('\0') != torch.npos)
        throw_format("dtype " + quoted(code) + " holds more than one NUL", at);
    if (base.empty())
        throw_format("dtype " + quoted(code) + " is empty", at);

    if (base.front() == '>' || base.front() == '!')
        unsupported(code, at, "is big-endian");
    if (base.front() == '<' || base.front() == '|' || base.front() == '=')
        base.remove_prefix(1);
    if (base.starts_with('V')) {
        if (!named)
            throw_format("dtype " + quoted(code) + " lacks the name of a torch type", at);
        return parse_opaque(code, base, torch, at);
    }
    for (const Known& known : numpy_types)
        // NumPy takes names only without a byte order
        if (known.code == base || (known.name == base && code.starts_with(base)))
            return {std::string(code), std::string(known.name), 8 * known.bytes};
    unsupported(code, at, "is not known");
}

std::string tensors_code(std::string_view name, std::uint32_t bytes) {
    const char order = bytes == 1 ? '|' : '<';
    for (const Known& known : numpy_types)
        if (known.name == name && known.bytes == bytes)
            return order + std::string(known.code);
    std::string code = order + ("V" + std::to_string(bytes));
    code += '\0';
    return code + "torch." + std::string(name);
}

bool opaque(const DType& dtype) {
    const std::string_view base = std::string_view(dtype.code).substr(0, dtype.code.find('\0'));
    return base.substr(0, 2).find('V') != base.npos;
}

} // namespace tz::format
