// Model signatures, against what model_signing 1.1.1 made of tests/data/model-signing/model.
#include "support/bytes.hpp"
#include <tz/format/hash.hpp>
#include <tz/format/model_statement.hpp>

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

namespace tz::test {
namespace {

using namespace tz::format;

Bytes data(const std::string& name) {
    std::ifstream file(std::string(TZ_GOLDEN) + "/model-signing/" + name, std::ios::binary);
    return from_text(std::string(std::istreambuf_iterator<char>(file), {}));
}

std::string text_of(const Bytes& bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

Bytes replaced(const Bytes& bytes, const std::string& what, const std::string& with) {
    std::string text = text_of(bytes);
    const std::size_t at = text.find(what);
    EXPECT_NE(at, text.npos) << what;
    return from_text(text.replace(at, what.size(), with));
}

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

TEST(ModelStatement, SignedByAnotherKeyIsRefused) {
    const Envelope envelope = parse_bundle(data("model-p256.sig"));
    expect_error(errc::auth, "another key", [&] { check_envelope(envelope, data("p384.pub")); });
    Envelope without_hint = envelope;
    without_hint.key_hint.clear();
    expect_error(
        errc::auth, "does not fit", [&] { check_envelope(without_hint, data("p384.pub")); });
    expect_error(errc::usage, "no public key", [&] { check_envelope(envelope, {}); });
    expect_error(
        errc::usage, "no public key", [&] { check_envelope(envelope, data("model/a.bin")); });
}

TEST(ModelStatement, EveryFlippedByteOfWhatIsSignedIsRefused) {
    const Envelope whole = parse_bundle(data("model-p256.sig"));
    const Bytes key = data("p256.pub");
    const auto expect_refused = [&](const Envelope& envelope) {
        expect_error(errc::auth, "does not fit", [&] { check_envelope(envelope, key); });
    };
    for (std::size_t at = 0; at < whole.payload.size(); at += 5) {
        Envelope envelope = whole;
        envelope.payload[at] ^= std::byte{1};
        expect_refused(envelope);
    }
    for (std::size_t at = 0; at < whole.signature.size(); ++at) {
        Envelope envelope = whole;
        envelope.signature[at] ^= std::byte{1};
        expect_refused(envelope);
    }
    Envelope envelope = whole;
    envelope.payload_type += "x";
    expect_refused(envelope);
    envelope = whole;
    envelope.signature.clear();
    expect_refused(envelope);
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

TEST(Bundle, OfAnotherKindIsRefused) {
    const Bytes whole = data("model-p256.sig");

    const struct {
        const char* what;
        const char* with;
        errc kind;
        const char* text;
    } changes[] = {
        {"\"publicKey\"", "\"certificate\"", errc::unsupported, "not by a key"},
        {"dsseEnvelope", "messageSignature", errc::format, "no Sigstore bundle"},
        {"\"payload\"", "\"payloads\"", errc::format, "no Sigstore bundle"},
        {"\"sig\":\"ME", "\"sig\":\"M!", errc::format, "no base64"},
        {"\"sig\":\"M", "\"sig\":\"", errc::format, "no base64"},
        {"\"keyid\":", "\"sig\":\"QUJD\",\"keyid\":", errc::format, "stands twice"},
        {"\"payloadType\"", "\"payload\":\"\",\"payloadType\"", errc::format, "stands twice"},
    };

    for (const auto& change : changes) {
        SCOPED_TRACE(change.with);
        expect_error(change.kind, change.text, [&] {
            parse_bundle(replaced(whole, change.what, change.with));
        });
    }
    expect_error(errc::format, "JSON", [] { parse_bundle({}); });
    expect_error(errc::limit, "too many bytes", [] { parse_bundle(Bytes(bundle_bytes_max + 1)); });
}

} // namespace
} // namespace tz::test
