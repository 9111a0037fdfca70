#include <tz/protocols/low_water.hpp>
#include <tz/protocols/tls_reason.hpp>
#include <tz/protocols/tls_stream.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <sys/socket.h>
#include <utility>

namespace tz {

namespace {

using asio::ip::tcp;

// What one recv takes: larger ones measured no better.
constexpr std::size_t ciphertext_bytes = 256 << 10;
// A record of 16 KiB and what TLS adds to it: as much of what is missing can have come already.
constexpr std::size_t record_bytes_max = 17 << 10;

} // namespace

struct TlsStream::State {
    State(tcp::socket& socket_, std::string host_, std::uint16_t port)
        : socket(socket_),
          host(host_.ends_with('.') ? host_.substr(0, host_.size() - 1) : std::move(host_)),
          server(host + ":" + std::to_string(port)),
          ciphertext(new unsigned char[ciphertext_bytes]) {}

    tcp::socket& socket;
    std::string host;
    std::string server; ///< the name of its session
    std::unique_ptr<SSL, decltype(&::SSL_free)> ssl{nullptr, ::SSL_free};
    std::unique_ptr<unsigned char[]> ciphertext;
    std::size_t at = 0; ///< of what OpenSSL has not taken yet
    std::size_t end = 0;
    bool drained = false; ///< the last recv took all there was: the next one would find nothing
    bool ended = false;   ///< the connection did, by TLS or not
    int system = 0;       ///< errno of recv or send
    bool broken = false;  ///< OpenSSL must not be asked to say the end any more
    std::optional<TlsReason> refusal; ///< of the server's certificate
    std::size_t burst = 0;
    LowWater low_water;

    static State* of(BIO* bio) { return static_cast<State*>(::BIO_get_data(bio)); }

    static int index() {
        static const int number = ::SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
        return number;
    }

    static int receive(BIO* bio, char* out, std::size_t size, std::size_t* got);
    static int send(BIO* bio, const char* bytes, std::size_t size, std::size_t* put);
    static long control(BIO* bio, int command, long, void*);
    static BIO_METHOD* method();
    static int verified(int ok, X509_STORE_CTX* store);

    void expect_host();
    [[noreturn]] void fail(int error);
    /// `missing`: bytes that the other side is sure to send.
    awaitable<void> wait(int error, std::size_t missing = 0);
};

int TlsStream::State::receive(BIO* bio, char* out, std::size_t size, std::size_t* got) {
    State& state = *of(bio);
    ::BIO_clear_retry_flags(bio);
    if (state.at == state.end) {
        if (std::exchange(state.drained, false)) {
            ::BIO_set_retry_read(bio);
            return 0;
        }
        const auto n = ::recv(
            state.socket.native_handle(), state.ciphertext.get(), ciphertext_bytes, MSG_DONTWAIT);
        if (n < 0) {
            if (errno == EAGAIN || errno == EINTR)
                ::BIO_set_retry_read(bio);
            else
                state.system = errno;
            return 0;
        }
        if (n == 0) {
            state.ended = true;
            return 0;
        }
        state.at = 0;
        state.end = static_cast<std::size_t>(n);
        state.drained = state.end < ciphertext_bytes;
    }
    *got = std::min(size, state.end - state.at);
    std::memcpy(out, state.ciphertext.get() + state.at, *got);
    state.at += *got;
    return 1;
}

int TlsStream::State::send(BIO* bio, const char* bytes, std::size_t size, std::size_t* put) {
    State& state = *of(bio);
    ::BIO_clear_retry_flags(bio);
    const auto n = ::send(state.socket.native_handle(), bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0) {
        if (errno == EAGAIN || errno == EINTR)
            ::BIO_set_retry_write(bio);
        else
            state.system = errno;
        return 0;
    }
    *put = static_cast<std::size_t>(n);
    return 1;
}

long TlsStream::State::control(BIO* bio, int command, long, void*) {
    switch (command) {
    case BIO_CTRL_FLUSH:
        return 1;
    case BIO_CTRL_EOF:
        return of(bio)->ended ? 1 : 0;
    default:
        return 0;
    }
}

BIO_METHOD* TlsStream::State::method() {
    static BIO_METHOD* const made = [] {
        BIO_METHOD* method =
            ::BIO_meth_new(::BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "tz socket");
        ::BIO_meth_set_read_ex(method, receive);
        ::BIO_meth_set_write_ex(method, send);
        ::BIO_meth_set_ctrl(method, control);
        return method;
    }();
    return made;
}

// Called for each certificate; remembers what was wrong, with the certificate at hand.
int TlsStream::State::verified(int ok, X509_STORE_CTX* store) {
    if (ok == 1)
        return 1;
    const auto* ssl = static_cast<const SSL*>(
        ::X509_STORE_CTX_get_ex_data(store, ::SSL_get_ex_data_X509_STORE_CTX_idx()));
    auto* state = static_cast<State*>(::SSL_get_ex_data(ssl, index()));
    state->refusal = certificate_reason(
        ::X509_STORE_CTX_get_error(store), ::X509_STORE_CTX_get_current_cert(store), state->host);
    return 0;
}

/// Whom the certificate must be for. Without that the handshake must not begin: OpenSSL would take
/// anybody's.
void TlsStream::State::expect_host() {
    X509_VERIFY_PARAM* parameters = ::SSL_get0_param(ssl.get());
    error_code not_address;
    (void)asio::ip::make_address(host, not_address);
    bool set = false;
    if (!not_address) {
        set = ::X509_VERIFY_PARAM_set1_ip_asc(parameters, host.c_str()) == 1;
    } else if (!host.empty()) { // "" would be: no check
        ::X509_VERIFY_PARAM_set_hostflags(parameters, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
        set = SSL_set_tlsext_host_name(ssl.get(), host.c_str()) == 1 &&
              ::X509_VERIFY_PARAM_set1_host(parameters, host.data(), host.size()) == 1;
    }
    ::ERR_clear_error();
    if (!set)
        throw TransportError(
            {TransportStage::tls, TransportCause::certificate},
            "no certificate can be for " + printable(host),
            "check the host's name");
}

void TlsStream::State::fail(int error) {
    broken = true;
    TransportFault fault;
    fault.stage = TransportStage::tls;
    const std::string with = "TLS with " + printable(server) + ": ";
    if (refusal || (error == SSL_ERROR_SSL && !ended && system == 0)) {
        const TlsReason reason = refusal ? *refusal : take_tls_reason();
        ::ERR_clear_error();
        fault.cause = reason.cause;
        throw TransportError(fault, with + reason.what, reason.hint);
    }
    ::ERR_clear_error();
    if (system != 0) {
        fault.cause = system == ETIMEDOUT ? TransportCause::timed_out : TransportCause::reset;
        throw TransportError(fault, with + system_message(system), "check the network");
    }
    fault.cause = TransportCause::closed_early;
    throw TransportError(
        fault, with + "the connection was cut, without TLS's own end", "check the server");
}

awaitable<void> TlsStream::State::wait(int error, std::size_t missing) {
    if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE)
        fail(error);
    burst = 0;
    drained = false;
    low_water.expect(
        socket.native_handle(), missing > record_bytes_max ? missing - record_bytes_max : 0);
    // A read may want to write: the answer to a KeyUpdate.
    const auto what =
        error == SSL_ERROR_WANT_READ ? tcp::socket::wait_read : tcp::socket::wait_write;
    auto [ec] = co_await socket.async_wait(what, asio::as_tuple(use_awaitable));
    if (ec)
        throw boost::system::system_error(ec);
}

TlsStream::TlsStream(tcp::socket& socket, TlsContext& context, std::string host, std::uint16_t port)
    : state_(std::make_unique<State>(socket, std::move(host), port)) {
    State& state = *state_;
    state.ssl.reset(::SSL_new(context.native()));
    BIO* bio = ::BIO_new(State::method());
    if (!state.ssl || !bio) {
        ::BIO_free(bio);
        throw std::bad_alloc();
    }
    ::BIO_set_data(bio, &state);
    ::BIO_set_init(bio, 1);
    ::SSL_set_bio(state.ssl.get(), bio, bio);
    ::SSL_set_connect_state(state.ssl.get());
    ::SSL_set_ex_data(state.ssl.get(), State::index(), &state);
    state.expect_host();
    if (!context.insecure())
        ::SSL_set_verify(state.ssl.get(), SSL_VERIFY_PEER, State::verified);
    context.resume(state.ssl.get(), state.server);
}

TlsStream::~TlsStream() = default;

awaitable<void> TlsStream::handshake() {
    State& state = *state_;
    for (;;) {
        ::ERR_clear_error();
        const int result = ::SSL_do_handshake(state.ssl.get());
        if (result == 1)
            co_return;
        co_await state.wait(::SSL_get_error(state.ssl.get(), result));
    }
}

awaitable<std::size_t>
TlsStream::read(std::span<std::byte> to, std::size_t need, std::uint64_t& received) {
    State& state = *state_;
    std::size_t done = 0;
    while (done < to.size()) {
        std::size_t n = 0;
        ::ERR_clear_error();
        const int result = ::SSL_read_ex(state.ssl.get(), to.data() + done, to.size() - done, &n);
        if (result == 1) {
            done += n;
            received += n;
            state.burst += n;
            if (state.burst < burst_max)
                continue;
            state.burst = 0;
            co_await asio::post(state.socket.get_executor(), use_awaitable);
            continue;
        }
        const int error = ::SSL_get_error(state.ssl.get(), result);
        if (error == SSL_ERROR_ZERO_RETURN)
            break;
        if (done >= need && error == SSL_ERROR_WANT_READ)
            break;
        co_await state.wait(error, need - std::min(done, need));
    }
    co_return done;
}

awaitable<void> TlsStream::write(std::string_view bytes) {
    while (!bytes.empty())
        bytes.remove_prefix(co_await write_some(bytes));
}

awaitable<std::size_t> TlsStream::write_some(std::string_view bytes) {
    State& state = *state_;
    for (;;) {
        std::size_t n = 0;
        ::ERR_clear_error();
        const int result = ::SSL_write_ex(state.ssl.get(), bytes.data(), bytes.size(), &n);
        if (result == 1)
            co_return n;
        co_await state.wait(::SSL_get_error(state.ssl.get(), result));
    }
}

bool TlsStream::idle() {
    char byte = 0;
    std::size_t n = 0;
    state_->drained = false;
    ::ERR_clear_error();
    const int result = ::SSL_peek_ex(state_->ssl.get(), &byte, 1, &n);
    const int error = ::SSL_get_error(state_->ssl.get(), result);
    ::ERR_clear_error();
    if (error == SSL_ERROR_SSL || error == SSL_ERROR_SYSCALL)
        state_->broken = true;
    return result != 1 && error == SSL_ERROR_WANT_READ;
}

void TlsStream::shutdown() noexcept {
    // Without it the session could not be resumed.
    if (state_->broken || state_->ended || ::SSL_is_init_finished(state_->ssl.get()) == 0)
        return;
    ::ERR_clear_error();
    (void)::SSL_shutdown(state_->ssl.get());
    ::ERR_clear_error();
}

bool TlsStream::resumed() const {
    return ::SSL_session_reused(state_->ssl.get()) == 1;
}

} // namespace tz
