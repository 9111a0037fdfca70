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
using Seen = std::optional<std::uint64_t>;

struct Free {
    void operator()(BIO* bio) const { BIO_free_all(bio); }

    void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }

    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

template <typename T>
using Owned = std::unique_ptr<T, Free>;

/// None where `text` is no base64, or not as every writer writes it.
std::optional<std::vector<std::byte>> from_base64(std::string_view text) {
    std::vector<std::byte> bytes(text.size() / 4 * 3); // OpenSSL decodes whole fours alone
    const auto* const from = reinterpret_cast<const unsigned char*>(text.data());
    auto* const to = reinterpret_cast<unsigned char*>(bytes.data());
    const int decoded = EVP_DecodeBlock(to, from, static_cast<int>(text.size()));
    ERR_clear_error();
    if (decoded < 0)
        return {};
    // zeros stand for the padding; blanks and other ways to write the last bits are found below
    const std::size_t padding =
        text.ends_with("==") ? 2 : static_cast<std::size_t>(text.ends_with('='));
    bytes.resize(static_cast<std::size_t>(decoded) - padding);
    std::string again(text.size() + 1, '\0');
    EVP_EncodeBlock(
        reinterpret_cast<unsigned char*>(again.data()), to, static_cast<int>(bytes.size()));
    again.pop_back();
    if (again != text)
        return {};
    return bytes;
}

/// Reads one bundle.
class BundleReader {
public:
    explicit BundleReader(std::span<const std::byte> text) : json_(text, 0, "the signature") {}

    Envelope run() {
        json_.read_root([this](std::string_view name, std::uint64_t at, Value value) {
            if (name == "dsseEnvelope") {
                json_.once(envelope_at_, at, name);
                read_envelope(value);
            } else if (name == "verificationMaterial") {
                json_.once(material_at_, at, name);
                read_material(value, at);
            } else {
                json_.skip(value);
            }
        });
        if (!envelope_at_ || !payload_at_ || !type_at_ || !signature_at_)
            json_.fail(
                "this is no Sigstore bundle with a DSSE envelope",
                0,
                errc::format,
                "give the model.sig that `model_signing sign key` wrote");
        return std::move(envelope_);
    }

private:
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
                    json_.once(payload_at_, at, name);
                    envelope_.payload = read_bytes(value, "the payload");
                } else if (name == "payloadType") {
                    json_.once(type_at_, at, name);
                    envelope_.payload_type = json_.read_text(value, "the payload's type");
                } else if (name == "signatures") {
                    json_.once(signatures_at_, at, name);
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
                    json_.once(signature_at_, at, name); // of all signatures
                    envelope_.signature = read_bytes(value, "the signature");
                });
        });
    }

    void read_material(Value material, std::uint64_t at) {
        json_.read_object(
            material,
            "verificationMaterial",
            [this](std::string_view name, std::uint64_t place, Value value) {
                if (name != "publicKey")
                    return json_.skip(value);
                json_.once(key_at_, place, name);
                read_key(value);
            });
        if (!key_at_)
            json_.fail(
                "the signature is not by a key",
                at,
                errc::unsupported,
                "signatures by certificates and identities need `model_signing verify`");
    }

    void read_key(Value key) {
        json_.read_object(
            key, "publicKey", [this](std::string_view name, std::uint64_t at, Value text) {
                if (name != "hint")
                    return json_.skip(text);
                json_.once(hint_at_, at, name);
                if (!json_.read_null(text))
                    envelope_.key_hint = json_.read_text(text, "the key's hint");
            });
    }

    JsonReader json_;
    Envelope envelope_;
    Seen envelope_at_;
    Seen material_at_;
    Seen key_at_;
    Seen hint_at_;
    Seen payload_at_;
    Seen type_at_;
    Seen signatures_at_;
    Seen signature_at_;
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
