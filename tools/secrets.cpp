#include <tz/engine/file_calls.hpp>
#include <tz/format/error.hpp>
#include <tz/tools/secrets.hpp>

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <poll.h>
#include <span>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

namespace tz::cli {

namespace {

using Bytes = std::span<const std::byte>;

// A core dump would hold whatever was copied out of locked memory.
void forbid_core_dumps() noexcept {
    const rlimit none{0, 0};
    ::setrlimit(RLIMIT_CORE, &none);
    ::prctl(PR_SET_DUMPABLE, 0); // dumps that go to a pipe heed no limit
}

// File bytes that are wiped however the scope ends.
struct WipedBuffer {
    std::array<std::byte, secret_bytes_max + 1> bytes;
    std::size_t size = 0;

    ~WipedBuffer() { format::wipe(bytes); }
};

struct Descriptor {
    int fd;

    ~Descriptor() { ::close(fd); }
};

[[noreturn]] void fail() {
    const int error = errno;
    throw Error(kind_of_errno(error), system_message(error));
}

void warn_if_shared(int fd, const std::string& path, const Warn& warn) {
    struct stat facts{};
    if (::fstat(fd, &facts) != 0)
        fail();
    constexpr mode_t others = S_IRGRP | S_IWGRP | S_IROTH | S_IWOTH;
    // a pipe or a terminal has no others
    if (!S_ISREG(facts.st_mode) || (facts.st_mode & others) == 0)
        return;
    warn(fmt::format(
        "{}: others can read or change this file (mode {:04o}); try `chmod 600`",
        printable(path),
        facts.st_mode & 07777));
}

// Until there is something to read, or its end. A FIFO has neither until somebody has opened it to
// write.
void await_bytes(int fd, const std::stop_token& stop) {
    constexpr int look_again_ms = 100;
    pollfd wait{fd, POLLIN, 0};
    while (::poll(&wait, 1, look_again_ms) == 0)
        if (stop.stop_requested())
            throw Error(errc::cancelled, "the wait for what it holds was cancelled");
}

void read_file(
    const std::string& path, WipedBuffer& to, const Warn& warn, const std::stop_token& stop) {
    // without O_NONBLOCK it would wait where nobody can stop it
    const Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)};
    if (file.fd < 0)
        fail();
    warn_if_shared(file.fd, path, warn);
    while (to.size < to.bytes.size()) {
        await_bytes(file.fd, stop);
        const ssize_t got = ::read(file.fd, to.bytes.data() + to.size, to.bytes.size() - to.size);
        if (got == 0)
            return;
        if (got < 0 && errno != EINTR && errno != EAGAIN)
            fail();
        if (got > 0)
            to.size += static_cast<std::size_t>(got);
    }
    throw Error(errc::usage, fmt::format("has more than {} bytes", secret_bytes_max));
}

template <typename Parse>
auto read_with(
    const std::string& path, const Warn& warn, const std::stop_token& stop, Parse parse) {
    try {
        WipedBuffer buffer;
        read_file(path, buffer, warn, stop);
        return parse(Bytes(buffer.bytes).first(buffer.size));
    } catch (const Error& error) {
        throw error.in(path);
    }
}

template <typename Parse>
std::shared_ptr<const format::Secret>
read_secret(const std::string& path, const Warn& warn, const std::stop_token& stop, Parse parse) {
    forbid_core_dumps();
    return std::make_shared<format::Secret>(read_with(path, warn, stop, parse));
}

bool ends_with(Bytes text, char c) {
    return !text.empty() && text.back() == static_cast<std::byte>(c);
}

} // namespace

std::shared_ptr<const format::Secret>
read_key_file(const std::string& path, const Warn& warn, const std::stop_token& stop) {
    return read_secret(path, warn, stop, [](Bytes text) { return format::parse_key(text); });
}

std::shared_ptr<const format::Secret>
read_password_file(const std::string& path, const Warn& warn, const std::stop_token& stop) {
    return read_secret(path, warn, stop, [](Bytes text) {
        if (ends_with(text, '\n')) {
            text = text.first(text.size() - 1);
            if (ends_with(text, '\r'))
                text = text.first(text.size() - 1);
        }
        if (text.empty())
            throw Error(errc::usage, "holds no password");
        return format::Secret(text);
    });
}

format::SigningKey read_signing_key_file(const std::string& path, const std::stop_token& stop) {
    forbid_core_dumps();
    const Warn refuse = [](const std::string&) {
        throw Error(
            errc::denied,
            "others can read or change this private key",
            {},
            "take it from them with `chmod 600`, or better make a new one");
    };
    return read_with(
        path, refuse, stop, [](Bytes text) { return format::parse_signing_key(text); });
}

format::PublicKey read_public_key_file(const std::string& path, const std::stop_token& stop) {
    return read_with(
        path,
        [](const std::string&) {},
        stop,
        [](Bytes text) { return format::parse_public_key(text); });
}

} // namespace tz::cli
