#include "failing_calls.hpp"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <sodium.h>

#include <cassert>

namespace tz::test {

namespace {

std::string_view failing; // empty: none

} // namespace

FailingCall::FailingCall(std::string_view function) {
    assert(failing.empty());
    failing = function;
}

FailingCall::~FailingCall() {
    failing = {};
}

} // namespace tz::test

// Named by the linker (--wrap).
extern "C" {

BIO* __real_BIO_new(const BIO_METHOD* method);
BIO* __real_BIO_new_mem_buf(const void* text, int size);
EVP_MD_CTX* __real_EVP_MD_CTX_new();
int __real_EVP_DigestInit_ex(EVP_MD_CTX* context, const EVP_MD* kind, ENGINE* engine);
int __real_EVP_DigestUpdate(EVP_MD_CTX* context, const void* bytes, size_t size);
int __real_EVP_MAC_init(
    EVP_MAC_CTX* context, const unsigned char* key, size_t size, const OSSL_PARAM* parameters);
void* __real_sodium_malloc(size_t size);
int __real_crypto_pwhash(
    unsigned char* key,
    unsigned long long key_bytes,
    const char* password,
    unsigned long long password_bytes,
    const unsigned char* salt,
    unsigned long long passes,
    size_t memory_bytes,
    int algorithm);

BIO* __wrap_BIO_new(const BIO_METHOD* method) {
    return tz::test::failing == "BIO_new" ? nullptr : __real_BIO_new(method);
}

BIO* __wrap_BIO_new_mem_buf(const void* text, int size) {
    return tz::test::failing == "BIO_new_mem_buf" ? nullptr : __real_BIO_new_mem_buf(text, size);
}

EVP_MD_CTX* __wrap_EVP_MD_CTX_new() {
    return tz::test::failing == "EVP_MD_CTX_new" ? nullptr : __real_EVP_MD_CTX_new();
}

int __wrap_EVP_DigestInit_ex(EVP_MD_CTX* context, const EVP_MD* kind, ENGINE* engine) {
    return tz::test::failing == "EVP_DigestInit_ex"
               ? 0
               : __real_EVP_DigestInit_ex(context, kind, engine);
}

int __wrap_EVP_DigestUpdate(EVP_MD_CTX* context, const void* bytes, size_t size) {
    return tz::test::failing == "EVP_DigestUpdate" ? 0
                                                   : __real_EVP_DigestUpdate(context, bytes, size);
}

int __wrap_EVP_MAC_init(
    EVP_MAC_CTX* context, const unsigned char* key, size_t size, const OSSL_PARAM* parameters) {
    return tz::test::failing == "EVP_MAC_init"
               ? 0
               : __real_EVP_MAC_init(context, key, size, parameters);
}

void* __wrap_sodium_malloc(size_t size) {
    return tz::test::failing == "sodium_malloc" ? nullptr : __real_sodium_malloc(size);
}

int __wrap_crypto_pwhash(
    unsigned char* key,
    unsigned long long key_bytes,
    const char* password,
    unsigned long long password_bytes,
    const unsigned char* salt,
    unsigned long long passes,
    size_t memory_bytes,
    int algorithm) {
    return tz::test::failing == "crypto_pwhash" ? -1
                                                : __real_crypto_pwhash(
                                                      key,
                                                      key_bytes,
                                                      password,
                                                      password_bytes,
                                                      salt,
                                                      passes,
                                                      memory_bytes,
                                                      algorithm);
}
}
