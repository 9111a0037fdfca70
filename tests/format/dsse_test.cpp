// Bundles, against those that model_signing 1.1.1 wrote.
#include "support/model_signing.hpp"

#include <gtest/gtest.h>

namespace tz::test {
namespace {

using namespace tz::format;

TEST(Dsse, SignedByAnotherKeyIsRefused) {
    const Envelope envelope = parse_bundle(data("model-p256.sig"));
    expect_error(errc::auth, "it is signed with another key", [&] {
        check_envelope(envelope, data("p384.pub"));
    });
    Envelope without_hint = envelope;
    without_hint.key_hint.clear();
    expect_error(
        errc::auth, "does not fit", [&] { check_envelope(without_hint, data("p384.pub")); });
    expect_error(errc::usage, "no public key", [&] { check_envelope(envelope, {}); });
    expect_error(
        errc::usage, "no public key", [&] { check_envelope(envelope, data("model/a.bin")); });
}

TEST(Dsse, EveryFlippedByteOfWhatIsSignedIsRefused) {
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

TEST(Dsse, OfAnotherKindIsRefused) {
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
        {"\"signatures\"", "\"signatures\":[],\"signatures\"", errc::format, "stands twice"},
        {"\"publicKey\"", "\"publicKey\":{},\"publicKey\"", errc::format, "stands twice"},
        {"\"hint\"", "\"hint\":null,\"hint\"", errc::format, "stands twice"},
        {"\"payload\":\"ewog", "\"payload\":\"e3==ewog", errc::format, "no base64"},
        {"\"payload\":\"ewog", "\"payload\":\"e30=-###ewog", errc::format, "no base64"},
        {"\"sig\":\"ME", "\"sig\":\"\\n  \\nME", errc::format, "no base64"},
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
