// Model signatures, against what model_signing 1.1.1 made of tests/data/model-signing/model.
#include "support/model_signing.hpp"
#include <tz/format/hash.hpp>
#include <tz/format/model_statement.hpp>

#include <gtest/gtest.h>

namespace tz::test {
namespace {

using namespace tz::format;

/// The statement with one thing changed, as if it were signed so.
Envelope changed(const std::string& what, const std::string& with) {
    Envelope envelope = parse_bundle(data("model-p256.sig"));
    envelope.payload = replaced(envelope.payload, what, with);
    return envelope;
}

TEST(ModelStatement, ListsTheFilesThatWereSigned) {
    for (const std::string key : {"p256", "p384"}) {
        const Envelope envelope = parse_bundle(data("model-" + key + ".sig"));
        EXPECT_NO_THROW(check_envelope(envelope, data(key + ".pub")));
        const ModelStatement statement = parse_statement(envelope);
        ASSERT_EQ(statement.files.size(), 3u);
        for (const auto& file : statement.files)
            EXPECT_EQ(file.sha256, sha256(data("model/" + file.name))) << file.name;
        EXPECT_NE(statement.find("sub/b.bin"), nullptr);
        EXPECT_EQ(statement.find("b.bin"), nullptr);
        EXPECT_FALSE(statement.symlinks);
    }
}

TEST(ModelStatement, IgnoresPathsWithAllInThem) {
    const ModelStatement statement = parse_statement(parse_bundle(data("model-p256.sig")));
    EXPECT_TRUE(statement.ignores(".git"));
    EXPECT_TRUE(statement.ignores(".git/HEAD"));
    EXPECT_FALSE(statement.ignores(".gitx"));
    EXPECT_FALSE(statement.ignores("a/.git"));
    ModelStatement nothing;
    nothing.ignored = {""};
    EXPECT_FALSE(nothing.ignores("a"));
}

TEST(ModelStatement, OfAnotherKindIsUnsupported) {
    const struct {
        const char* what;
        const char* with;
    } changes[] = {
        {"Statement/v1", "Statement/v2"},
        {"signature/v1.0", "signature/v2.0"},
        {R"("method": "files")", R"("method": "shards")"},
        {R"("hash_type": "sha256")", R"("hash_type": "blake3")"},
        {R"("algorithm": "sha256")", R"("algorithm": "blake3")"},
    };

    for (const auto& change : changes)
        expect_error(errc::unsupported, "and not", [&] {
            parse_statement(changed(change.what, change.with));
        });
    Envelope envelope = parse_bundle(data("model-p256.sig"));
    envelope.payload_type = "text/plain";
    expect_error(errc::unsupported, "no in-toto statement", [&] { parse_statement(envelope); });
}

TEST(ModelStatement, ThatIsNoneIsRefused) {
    const struct {
        const char* what;
        const char* with;
        const char* text;
    } changes[] = {
        {"\"a.bin\"", "\"../a.bin\"", "no path in the folder"},
        {"\"a.bin\"", "\"/a.bin\"", "no path in the folder"},
        {"\"a.bin\"", "\"sub//b\"", "no path in the folder"},
        {"\"a.bin\"", "\"\"", "no path in the folder"},
        {"\"a.bin\"", "\"config.json\"", "listed twice"},
        {"9a129038", "9b129038", "not that of its files"},
        {"9a129038", "xx129038", "64 hex digits"},
        {"\"digest\": \"9a129038", "\"digest\": 5, \"x\": \"", "a digest is no JSON string"},
        {"\"predicate\": ", "\"predicate\": {}, \"predicate\": ", "predicate stands twice"},
        {"\"digest\": {", "\"digest\": {}, \"digest\": {", "digest stands twice"},
        {"\"sha256\": ", "\"sha256\": \"\", \"sha256\": ", "64 hex digits"},
        {"\"name\": \"a.bin", "\"name\": \"b\", \"name\": \"a.bin", "name stands twice"},
        {"\"ignore_paths\"", "\"ignore_paths\": [], \"ignore_paths\"", "stands twice"},
        {"\"allow_sym", "\"allow_symlinks\": true, \"allow_sym", "stands twice"},
        {"\"predicateType\": ",
         "\"predicateType\": \"https://model_signing/signature/v1.0\", \"predicateType\": ",
         "predicateType stands twice"},
        {"\"digest\": \"9a", "\"other\": \"9a", "no digest"},
        {"\"resources\"", "\"resource\"", "not that of its files"},
        {"\"predicate\"", "\"predicat\"", "no statement about a model"},
        {"\"subject\"", "\"subjekt\"", "no statement about a model"},
        {"\"allow_symlinks\": false", "\"allow_symlinks\": 1", "neither true nor false"},
        {"{", "[", "the statement"},
    };

    for (const auto& change : changes) {
        SCOPED_TRACE(change.with);
        expect_error(
            errc::format, change.text, [&] { parse_statement(changed(change.what, change.with)); });
    }
}

} // namespace
} // namespace tz::test
