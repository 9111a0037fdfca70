#include "server_process.hpp"

#include <tz/tests/support/http_server.hpp>
#include <tz/tests/support/s3_store.hpp>

#include <cstdint>
#include <stdexcept>
#include <sys/wait.h>
#include <unistd.h>

namespace tz::soak {

namespace {

[[noreturn]] void serve(const Material& material, int port_to, int hold) {
    test::S3Store store;
    test::HttpServerOptions options;
    options.answer = [&](const test::Request& request) {
        return request.path.starts_with("/b/saved") ? store.answer(request)
                                                    : std::optional<test::Page>();
    };
    const auto server = std::make_unique<test::HttpServer>(std::move(options));
    for (const char* path : {"/m", "/b/m"})
        server->put(path, material.object(Content::hashed, 0));
    const std::uint16_t port = server->port();
    char none = 0;
    if (::write(port_to, &port, sizeof port) == sizeof port)
        while (::read(hold, &none, 1) > 0) {
        }
    ::_exit(0);
}

} // namespace

ServerProcess::ServerProcess(const Material& material) {
    int port_pipe[2];
    int hold_pipe[2];
    if (::pipe(port_pipe) != 0 || ::pipe(hold_pipe) != 0)
        throw std::runtime_error("no pipes");
    child_ = ::fork();
    if (child_ == 0) {
        ::close(port_pipe[0]);
        ::close(hold_pipe[1]);
        serve(material, port_pipe[1], hold_pipe[0]);
    }
    ::close(port_pipe[1]);
    ::close(hold_pipe[0]);
    hold_ = hold_pipe[1];
    std::uint16_t port = 0;
    const bool told = ::read(port_pipe[0], &port, sizeof port) == sizeof port;
    ::close(port_pipe[0]);
    if (child_ < 0 || !told)
        throw std::runtime_error("the server did not start");
    url_ = "http://127.0.0.1:" + std::to_string(port);
}

ServerProcess::~ServerProcess() {
    ::close(hold_);
    ::waitpid(child_, nullptr, 0);
}

} // namespace tz::soak
