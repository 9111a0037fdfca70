#include <tz/format/dsse.hpp>
#include <tz/format/error.hpp>
#include <tz/format/hash.hpp>
#include <tz/format/json_reader.hpp>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <memory>
#include <new>
#include <optional>
#include <string_view>

namespace tz::format {

namespace {

using Value = JsonReader::Value;

struct Free {
    void operator()(BIO* bio) const { BIO_free_all(bio); }

    void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }

    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }

    void operator()(EVP_ENCODE_CTX* context) const { EVP_ENCODE_CTX_free(context); }
};

template <typename T>
using Owned = std::unique_ptr<T, Free>;

/// None where `text` is no base64.
std::optional<std::vector<std::byte>> from_base64(std::string_view text) {
    const Owned<EVP_ENCODE_CTX> context(EVP_ENCODE_CTX_new());
    if (!context)
        throw std::bad_alloc();
    std::vector<std::byte> bytes(text.size() / 4 * 3 + 4);
    auto* to = reinterpret_cast<unsigned char*>(bytes.data());
    int had = 0;
    int rest = 0;
    EVP_DecodeInit(context.get());
    const bool sound = text.size() % 4 == 0 &&
                       EVP_DecodeUpdate(
                           context.get(),
                           to,
                           &had,
                           reinterpret_cast<const unsigned char*>(text.data()),
                           static_cast<int>(text.size())) >= 0 &&
                       EVP_DecodeFinal(context.get(), to + had, &rest) == 1;
    ERR_clear_error();
    if (!sound)
        return {};
    bytes.resize(static_cast<std::size_t>(had + rest));
    return bytes;
}

/// Reads one bundle.
class BundleReader {
public:
    explicit BundleReader(std::span<const std::byte> text) : json_(text, 0, "the signature") {}

    Envelope run() {
        json_.read_root([this](std::string_view name, std::uint64_t at, Value value) {
            if (name == "dsseEnvelope") {
                once(envelopes_, name, at);
                read_envelope(value);
            } else if (name == "verificationMaterial") {
                once(materials_, name, at);
                read_material(value, at);
            } else {
                json_.skip(value);
            }
        });
        if (envelopes_ == 0 || payloads_ == 0 || types_ == 0 || signatures_ == 0)
            json_.fail(
                "this is no Sigstore bundle with a DSSE envelope",
                0,
                errc::format,
                "give the model.sig that `model_signing sign key` wrote");
        return std::move(envelope_);
    }

private:
    void once(int& count, std::string_view name, std::uint64_t at) {
        if (count++ > 0)
            json_.fail(std::string(name) + " stands twice", at);
    }

    std::vector<std::byte> read_bytes(Value value, const char* what) {
        const std::uint64_t at = json_.place(value);
        auto bytes = from_base64(json_.read_text(value, what));
        if (!bytes)
            json_.fail(std::string(what) + " is no base64", at);
        return std::move(*bytes);
    }

    void read_envelope(Value envelope) {
        json_.read_object(
            envelope, "dsseEnvelope", [this](std::string_view name, std::uint64_t at, Value value) {
                if (name == "payload") {
                    once(payloads_, name, at);
                    envelope_.payload = read_bytes(value, "the payload");
                } else if (name == "payloadType") {
                    once(types_, name, at);
                    envelope_.payload_type = json_.read_text(value, "the payload's type");
                } else if (name == "signatures") {
                    read_signatures(value);
                } else {
                    json_.skip(value);
                }
            });
    }

    void read_signatures(Value signatures) {
        json_.read_array(signatures, "signatures", [this](Value one) {
            json_.read_object(
                one, "a signature", [this](std::string_view name, std::uint64_t at, Value value) {
                    if (name != "sig")
                        return json_.skip(value);
                    once(signatures_, name, at);
                    envelope_.signature = read_bytes(value, "the signature");
                });
        });
    }

    void read_material(Value material, std::uint64_t at) {
        bool by_key = false;
        json_.read_object(
            material,
            "verificationMaterial",
            [&](std::string_view name, std::uint64_t, Value value) {
                if (name != "publicKey")
                    return json_.skip(value);
                by_key = true;
                json_.read_object(
                    value, "publicKey", [this](std::string_view field, std::uint64_t, Value text) {
                        if (field != "hint")
                            json_.skip(text);
                        else if (!json_.read_null(text))
                            envelope_.key_hint = json_.read_text(text, "the key's hint");
                    });
            });
        if (!by_key)
            json_.fail(
                "the signature is not by a key",
                at,
                errc::unsupported,
                "signatures by certificates and identities need `model_signing verify`");
    }

    JsonReader json_;
    Envelope envelope_;
    int envelopes_ = 0;
    int materials_ = 0;
    int payloads_ = 0;
    int types_ = 0;
    int signatures_ = 0;
};

/// What DSSE signs: its "pre-authentication encoding".
std::string signed_text(const Envelope& envelope) {
    const std::string_view payload(
        reinterpret_cast<const char*>(envelope.payload.data()), envelope.payload.size());
    std::string text = "DSSEv1 " + std::to_string(envelope.payload_type.size()) + " " +
                       envelope.payload_type + " " + std::to_string(payload.size()) + " ";
    text += payload;
    return text;
}

const EVP_MD* digest_for(EVP_PKEY* key) {
    if (key == nullptr || EVP_PKEY_get_base_id(key) != EVP_PKEY_EC)
        return nullptr;
    switch (EVP_PKEY_get_bits(key)) {
    case 256:
        return EVP_sha256();
    case 384:
        return EVP_sha384();
    case 521:
        return EVP_sha512();
    default:
        return nullptr;
    }
}

/// Of its PEM as OpenSSL writes it.
std::string hint_of(EVP_PKEY* key) {
    const Owned<BIO> bio(BIO_new(BIO_s_mem()));
    if (!bio || PEM_write_bio_PUBKEY(bio.get(), key) != 1)
        throw std::bad_alloc();
    char* text = nullptr;
    const long size = BIO_get_mem_data(bio.get(), &text);
    return hex(sha256(std::as_bytes(std::span(text, static_cast<std::size_t>(size)))));
}

} // namespace

Envelope parse_bundle(std::span<const std::byte> text) {
    if (text.size() > bundle_bytes_max)
        throw Error(
            errc::limit, "the signature has too many bytes", 0, "give the model.sig itself");
    return BundleReader(text).run();
}

void check_envelope(const Envelope& envelope, std::span<const std::byte> public_key) {
    const Owned<BIO> bio(BIO_new_mem_buf(
        public_key.empty() ? static_cast<const void*>("") : public_key.data(),
        static_cast<int>(public_key.size())));
    if (!bio)
        throw std::bad_alloc();
    const Owned<EVP_PKEY> key(PEM_read_bio_PUBKEY(bio.get(), nullptr, nullptr, nullptr));
    const EVP_MD* digest = digest_for(key.get());
    ERR_clear_error();
    if (digest == nullptr)
        throw Error(
            errc::usage,
            "this is no public key on P-256, P-384 or P-521 in PEM",
            {},
            "see --pubkey");
    if (!envelope.key_hint.empty() && envelope.key_hint != hint_of(key.get()))
        throw Error(errc::auth, "it is signed with another key", {}, "give the right --pubkey");
    const Owned<EVP_MD_CTX> context(EVP_MD_CTX_new());
    const std::string text = signed_text(envelope);
    const bool fits =
        context && EVP_DigestVerifyInit(context.get(), nullptr, digest, nullptr, key.get()) == 1 &&
        EVP_DigestVerify(
            context.get(),
            reinterpret_cast<const unsigned char*>(envelope.signature.data()),
            envelope.signature.size(),
            reinterpret_cast<const unsigned char*>(text.data()),
            text.size()) == 1;
    ERR_clear_error();
    if (!fits)
        throw Error(
            errc::auth,
            "the signature does not fit",
            {},
            "the signature was changed, or is by another key; don't trust it");
}

} // namespace tz::format
