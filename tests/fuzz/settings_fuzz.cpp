// An input is a byte that picks what it is read as, and a text that people write: config.toml, a
// size or time, a key in PEM, the digits of a root, a name with a place for a number.
#include "pick_reader.hpp"
#include <tz/engine/numbered_name.hpp>
#include <tz/format/dsse.hpp>
#include <tz/format/error.hpp>
#include <tz/format/requirement.hpp>
#include <tz/format/signature.hpp>
#include <tz/tools/config_text.hpp>
#include <tz/tools/units.hpp>

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

namespace {

using namespace tz;
using tz::test::require;

void read_config(std::string_view text) {
    unsigned line = 0;
    for (const cli::ConfigEntry& entry : cli::parse_config(text, "c")) {
        require(!entry.key.empty() && entry.line > line);
        line = entry.line;
        for (const std::string& value : entry.values)
            require(value.size() <= text.size());
    }
}

void read_units(std::string_view text) {
    try {
        const std::uint64_t bytes = cli::parse_size(text);
        require(cli::parse_size(std::to_string(bytes)) == bytes);
    } catch (const Error& error) {
        require(error.kind() == errc::usage);
    }
    require(cli::parse_duration(text).count() > 0);
}

void read_public_key(std::string_view text) {
    const auto key = format::parse_public_key(std::as_bytes(std::span(text)));
    const std::string written = format::public_key_pem(key);
    require(format::parse_public_key(std::as_bytes(std::span(written))) == key);
}

void read_signing_key(std::string_view text) {
    const auto key = format::parse_signing_key(std::as_bytes(std::span(text)));
    const auto again = format::parse_signing_key(format::signing_key_pem(key).bytes());
    require(again.public_key() == key.public_key());
}

/// Nothing is signed by a key that the input made up.
void read_envelope_key(std::string_view text) {
    format::Envelope envelope;
    envelope.payload_type = "application/vnd.in-toto+json";
    envelope.signature.resize(70);
    bool signed_by_it = true;
    try {
        format::check_envelope(envelope, std::as_bytes(std::span(text)));
    } catch (const Error& error) {
        require(error.kind() == errc::auth || error.kind() == errc::usage);
        signed_by_it = false;
    }
    require(!signed_by_it);
}

void read_name(std::string_view text) {
    const std::string name(text);
    if (const auto numbered = NumberedName::parse(name)) {
        require(numbered->with(1) != numbered->with(2));
        require(numbered->with(0).size() + 16 > name.size());
    }
}

constexpr test::Reader readers[] = {
    read_config,
    read_units,
    read_public_key,
    read_signing_key,
    read_envelope_key,
    [](std::string_view digits) { format::parse_root(digits); },
    read_name};

void look_at(const Error& error) {
    require(error.kind() == errc::usage && printable(error.what()) == error.what());
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    test::read_by_first_byte({data, size}, readers, look_at);
    return 0;
}
