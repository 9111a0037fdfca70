// Which key a load wants, and which options go together.
#include "../format/support/bytes.hpp"
#include <tz/engine/keys.hpp>
#include <tz/engine/load.hpp>
#include <tz/engine/load_options.hpp>
#include <tz/engine/workers.hpp>
#include <tz/tests/support/run.hpp>

#include <gtest/gtest.h>

#include <memory>

namespace tz {
namespace {

using namespace test;

std::shared_ptr<const format::Secret> secret(std::size_t bytes) {
    return std::make_shared<const format::Secret>(counting(bytes));
}

TEST(Keys, GoWithTheFile) {
    LoadOptions none;
    LoadOptions key;
    key.key = secret(32);
    LoadOptions password;
    password.password = secret(8);
    LoadOptions both = key;
    both.password = secret(8);
    LoadOptions headers;
    headers.headers_only = true;
    LoadOptions short_key;
    short_key.key = secret(31);
    format::Layout plain;
    format::Layout sealed;
    sealed.encrypted = true;

    EXPECT_NO_THROW(Keys(plain, none));
    EXPECT_NO_THROW(Keys(sealed, key));
    EXPECT_NO_THROW(Keys(sealed, password));
    EXPECT_NO_THROW(Keys(sealed, headers));
    expect_error(errc::usage, "both a key and a password", [&] { Keys(sealed, both); });
    expect_error(errc::auth, "the file is encrypted", [&] { Keys(sealed, none); });
    expect_error(errc::auth, "a key is given but the file is not", [&] { Keys(plain, key); });
    expect_error(errc::auth, "a password is given but", [&] { Keys(plain, password); });
    expect_error(errc::usage, "a key has 32 bytes, not 31", [&] { Keys(sealed, short_key); });
}

TEST(Options, MapFilesWhereNoHashGoesUnchecked) {
    format::Layout hashed;
    hashed.format = format::FileFormat::tensors;
    format::Layout bare;
    bare.format = format::FileFormat::safetensors;
    const std::vector<format::Layout> all_bare{bare, bare};
    const std::vector<format::Layout> mixed{bare, hashed};

    const struct {
        Verify verify;
        const std::vector<format::Layout>& files;
        Memory memory;
        Verify checked;
    } cases[] = {
        {Verify::automatic, all_bare, Memory::mapped, Verify::none},
        {Verify::automatic, mixed, Memory::owned, Verify::automatic},
        {Verify::none, all_bare, Memory::mapped, Verify::none},
        {Verify::none, mixed, Memory::mapped, Verify::none},
        {Verify::crc32, all_bare, Memory::owned, Verify::crc32},
        {Verify::sha256, mixed, Memory::owned, Verify::sha256},
        {Verify::all, mixed, Memory::owned, Verify::all},
    };

    for (const auto& each : cases) {
        LoadOptions options;
        options.memory = Memory::automatic;
        options.verify = each.verify;
        const LoadOptions chosen = effective(options, each.files);
        EXPECT_EQ(chosen.memory, each.memory);
        EXPECT_EQ(chosen.verify, each.checked);
        options.headers_only = true;
        EXPECT_EQ(effective(options, each.files).memory, Memory::none);
    }
}

awaitable<void> ask(Keys& keys, unsigned salt, Workers& workers) {
    format::Seal seal;
    seal.derivation = format::KeyDerivation{1, 8192, counting_array<16>(salt)};
    const format::Secret* const key = co_await keys.key_of(seal, 0, workers);
    EXPECT_EQ(key->bytes().size(), format::key_bytes);
}

TEST(Keys, OfOnePasswordAreFew) {
    LoadOptions options;
    options.password = secret(8);
    format::Layout sealed;
    sealed.encrypted = true;
    Keys keys(sealed, options);
    Workers workers(1);
    asio::io_context context;
    for (const unsigned salt : {1, 2, 3, 4, 1})
        test::run(context, ask(keys, salt, workers));
    expect_error(errc::limit, "more than 4 keys derived from its password", [&] {
        test::run(context, ask(keys, 5, workers));
    });
    EXPECT_NO_THROW(test::run(context, ask(keys, 4, workers)));
}

TEST(Keys, CostAtMostWhatTheOptionsSay) {
    LoadOptions options;
    options.password = secret(8);
    options.derivation_max.memory_bytes = 8191;
    format::Layout sealed;
    sealed.encrypted = true;
    Workers workers(1);
    asio::io_context context;
    Keys keys(sealed, options);
    expect_error(errc::limit, "8192 bytes of memory, the limit is 8191", [&] {
        test::run(context, ask(keys, 1, workers));
    });
    options.derivation_max.memory_bytes = 8192;
    Keys raised(sealed, options);
    EXPECT_NO_THROW(test::run(context, ask(raised, 1, workers)));
}

TEST(LoadOptions, GoTogether) {
    LoadOptions options;
    EXPECT_NO_THROW(check_options(options, 1));
    expect_error(errc::usage, "nothing to load", [&] { check_options(options, 0); });
    options.memory = Memory::given;
    expect_error(errc::usage, "belong together", [&] { check_options(options, 1); });
}

} // namespace
} // namespace tz
