#include <tz/engine/file_calls.hpp>
#include <tz/format/error.hpp>
#include <tz/protocols/tls.hpp>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <cerrno>
#include <fcntl.h>
#include <map>
#include <mutex>
#include <unistd.h>

namespace tz {

namespace {

// A load speaks to a handful of servers; redirects must not make this grow without end.
constexpr std::size_t sessions_max = 64;

using Context = std::unique_ptr<SSL_CTX, decltype(&::SSL_CTX_free)>;
using Session = std::unique_ptr<SSL_SESSION, decltype(&::SSL_SESSION_free)>;

std::string last_reason() {
    const unsigned long error = ::ERR_peek_last_error();
    if (ERR_SYSTEM_ERROR(error))
        return system_message(ERR_GET_REASON(error));
    const char* reason = ::ERR_reason_error_string(error);
    return reason ? reason : "unknown reason";
}

[[noreturn]] void unusable(const std::string& what, const std::string& hint) {
    const std::string reason = last_reason();
    ::ERR_clear_error();
    throw Error(errc::usage, what + ": " + reason, {}, hint);
}

/// OpenSSL says "system lib" of a file that isn't there.
void check_opens(const std::string& path, const char* option) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        throw Error(kind_of_errno(errno), system_message(errno), {}, std::string("check ") + option)
            .in(printable(path));
    ::close(fd);
}

void load_roots(SSL_CTX* context, const TransportOptions& options) {
    if (options.ca_file.empty()) {
        if (::SSL_CTX_set_default_verify_paths(context) != 1)
            unusable("the system's certificate authorities can't be read", "give a CA file");
        return;
    }
    check_opens(options.ca_file, "--ca-file");
    if (::SSL_CTX_load_verify_file(context, options.ca_file.c_str()) != 1)
        unusable(
            "the CA file " + printable(options.ca_file) + " can't be used",
            "give a PEM file of certificate authorities");
}

void load_certificate(SSL_CTX* context, const TransportOptions& options) {
    if (options.certificate_file.empty() && options.key_file.empty())
        return;
    if (options.certificate_file.empty())
        throw Error(errc::usage, "a key file without a certificate file", {}, "give both");
    const std::string& key = options.key_file.empty() ? options.certificate_file : options.key_file;
    check_opens(options.certificate_file, "--client-cert");
    check_opens(key, options.key_file.empty() ? "--client-cert" : "--client-key");
    // Never a question on the terminal.
    ::SSL_CTX_set_default_passwd_cb(context, [](char*, int, int, void*) { return -1; });
    if (::SSL_CTX_use_certificate_chain_file(context, options.certificate_file.c_str()) != 1)
        unusable(
            "the certificate file " + printable(options.certificate_file) + " can't be used",
            "give a PEM file with the certificate and its chain");
    if (::SSL_CTX_use_PrivateKey_file(context, key.c_str(), SSL_FILETYPE_PEM) != 1 ||
        ::SSL_CTX_check_private_key(context) != 1)
        unusable(
            "the key file " + printable(key) + " can't be used",
            "give the PEM file of the certificate's key, without a password");
}

} // namespace

struct TlsContext::State {
    Context context{nullptr, ::SSL_CTX_free};
    bool insecure = false;
    mutable std::mutex mutex;
    std::map<std::string, Session> sessions; ///< by "host:port"

    /// OpenSSL's call for each session that a server grants, on any thread.
    static int keep(SSL* ssl, SSL_SESSION* session) {
        auto* state = static_cast<State*>(SSL_CTX_get_app_data(::SSL_get_SSL_CTX(ssl)));
        const auto* server = static_cast<const std::string*>(SSL_get_app_data(ssl));
        if (!server)
            return 0;
        // A copy: OpenSSL spoils the sessions of connections that end in an error.
        Session copy(::SSL_SESSION_dup(session), ::SSL_SESSION_free);
        const std::lock_guard lock(state->mutex);
        if (copy && (state->sessions.size() < sessions_max || state->sessions.contains(*server)))
            state->sessions.insert_or_assign(*server, std::move(copy));
        return 0; // the caller's reference stays the caller's
    }
};

TlsContext::TlsContext(const TransportOptions& options) : state_(std::make_unique<State>()) {
    ::ERR_clear_error();
    Context context(::SSL_CTX_new(::TLS_client_method()), ::SSL_CTX_free);
    if (!context)
        unusable("TLS can't be used", "check the OpenSSL installation");
    ::SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
    ::SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    ::SSL_CTX_set_mode(
        context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    if (options.insecure) {
        ::SSL_CTX_set_verify(context.get(), SSL_VERIFY_NONE, nullptr);
    } else {
        ::SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
        load_roots(context.get(), options);
    }
    load_certificate(context.get(), options);
    ::SSL_CTX_set_session_cache_mode(
        context.get(), SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_set_app_data(context.get(), state_.get());
    ::SSL_CTX_sess_set_new_cb(context.get(), State::keep);
    state_->insecure = options.insecure;
    state_->context = std::move(context);
}

TlsContext::~TlsContext() = default;

ssl_ctx_st* TlsContext::native() const {
    return state_->context.get();
}

bool TlsContext::insecure() const {
    return state_->insecure;
}

void TlsContext::resume(ssl_st* ssl, const std::string& server) {
    SSL_set_app_data(ssl, const_cast<std::string*>(&server));
    const std::lock_guard lock(state_->mutex);
    const auto found = state_->sessions.find(server);
    if (found == state_->sessions.end() || !::SSL_SESSION_is_resumable(found->second.get()))
        return;
    const Session copy(::SSL_SESSION_dup(found->second.get()), ::SSL_SESSION_free);
    if (copy)
        ::SSL_set_session(ssl, copy.get());
}

std::size_t TlsContext::sessions() const {
    const std::lock_guard lock(state_->mutex);
    return state_->sessions.size();
}

} // namespace tz
