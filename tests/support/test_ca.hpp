// A certificate authority for tests, made in memory, and the contexts of servers that it certifies
// well or badly.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>

namespace tz::test {

/// All are for localhost, 127.0.0.1 and ::1 unless said otherwise.
enum class Certificate {
    good,
    wrong_name,    ///< for wrong.example
    name_only,     ///< for localhost, but for none of its addresses
    expired,       ///< yesterday
    not_yet_valid, ///< until tomorrow
    unknown_ca,    ///< by an authority of the same name, with another key
    self_signed,
    weak_key,  ///< RSA with 1024 bits
    weak_hash, ///< signed with SHA-1
};

struct TlsOptions {
    Certificate certificate = Certificate::good;
    bool client_certificate = false; ///< the client must show one by the same authority
    int version_min = TLS1_2_VERSION;
    int version_max = TLS1_3_VERSION; ///< with TLS1_1_VERSION, ciphers of that time are allowed
};

struct PemPair {
    std::string certificate{};
    std::string key{};
};

class TestCa {
public:
    TestCa();
    ~TestCa();
    TestCa(const TestCa&) = delete;
    TestCa& operator=(const TestCa&) = delete;

    std::string pem() const; ///< of its certificate, for those who trust it
    PemPair client() const;  ///< for a client to show

    std::shared_ptr<SSL_CTX> server_context(const TlsOptions& options) const;

private:
    struct State;
    std::unique_ptr<const State> state_;
};

/// The one that all servers of the process are certified by.
const TestCa& test_ca();

/// For keys and certificates that a program wants as a file. Only the owner may read it.
void write_pem(const std::string& path, const std::string& pem);

} // namespace tz::test
