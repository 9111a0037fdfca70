// The C interface with a server.
#include <tz/tests/support/files.hpp>
#include <tz/tests/support/http_server.hpp>
#include <tz/tests/support/test_ca.hpp>
#include <tz/tz.h>

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>

namespace tz::test {
namespace {

Object example() {
    std::ifstream file(TZ_TEST_DATA "/example_plain.tensors", std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(file), {}};
    const auto begin = reinterpret_cast<const std::byte*>(bytes.data());
    return held_object({begin, begin + bytes.size()});
}

TEST(CRemote, LoadsFromAServerWhoseAuthorityIsNamed) {
    HttpServerOptions secure;
    secure.tls = TlsOptions();
    HttpServer server(secure);
    server.put("/m.tensors", example());
    const TempFolder folder;
    const std::string authority = folder / "ca.pem";
    write_pem(authority, test_ca().pem());
    const std::string url = server.url("/m.tensors");
    const char* uris[] = {url.c_str()};

    tz_engine* engine = nullptr;
    ASSERT_EQ(tz_engine_create(nullptr, &engine, nullptr), TZ_OK);
    tz_load_options* options = tz_load_options_create();
    tz_loaded* loaded = nullptr;
    EXPECT_EQ(tz_load(engine, uris, 1, options, &loaded, nullptr), TZ_ERROR_TRANSPORT);
    tz_load_options_set_network(options, "ca-file", authority.c_str());
    tz_error* error = nullptr;
    EXPECT_EQ(tz_load(engine, uris, 1, options, &loaded, &error), TZ_OK) << tz_error_message(error);
    EXPECT_EQ(tz_loaded_tensors(loaded, 0), 1u);
    ASSERT_NE(tz_loaded_stats(loaded), nullptr);
    EXPECT_GE(tz_loaded_stats(loaded)->requests, 1u);
    EXPECT_GE(tz_loaded_stats(loaded)->connections, 1u);
    tz_error_destroy(error);
    tz_loaded_destroy(loaded);
    tz_load_options_destroy(options);
    tz_engine_destroy(engine);
}

} // namespace
} // namespace tz::test
