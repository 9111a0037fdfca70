#include <tz/format/error.hpp>
#include <tz/protocols/credentials.hpp>
#include <tz/protocols/s3_address.hpp>
#include <tz/protocols/s3_settings.hpp>
#include <tz/tools/s3_facts.hpp>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <fcntl.h>
#include <optional>
#include <unistd.h>

namespace tz::cli {

namespace {

constexpr std::size_t file_bytes_max = 1 << 20;

/// Somebody would have been asked. No `tz::Error`: the search takes those for answers.
struct NotAsked {
    std::string place;
};

std::optional<std::string> variable(const std::string& name) {
    const char* value = std::getenv(name.c_str());
    return value != nullptr ? std::optional<std::string>(value) : std::nullopt;
}

std::optional<std::string> text_of(const std::string& path) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
        return {};
    std::string text(file_bytes_max + 1, '\0');
    std::size_t got = 0;
    ssize_t more = fd < 0 ? -1 : 1;
    while (more > 0 && got < text.size()) {
        more = ::read(fd, text.data() + got, text.size() - got);
        got += more > 0 ? static_cast<std::size_t>(more) : 0;
    }
    const int error = errno;
    if (fd >= 0)
        ::close(fd);
    if (more < 0)
        throw Error(errc::denied, "cannot read: " + system_message(error)).in(path);
    text.resize(got);
    return text;
}

/// Whom the search is about to ask.
std::string place_of(const HttpCall& call) {
    if (call.container_hosts_only)
        return "container";
    return call.method == "PUT" ? "instance metadata" : "web identity"; // its token is PUT first
}

Surroundings surroundings() {
    Surroundings around;
    around.environment = variable;
    around.read_file = text_of;
    around.http = [](const HttpCall& call) -> HttpAnswer { throw NotAsked{place_of(call)}; };
    around.now = [] { return std::chrono::system_clock::now(); };
    return around;
}

} // namespace

S3Facts s3_facts(const S3Options& options) {
    S3Facts facts;
    try {
        const Surroundings around = surroundings();
        S3Settings settings(options, around);
        const S3Endpoint endpoint = find_s3_endpoint(settings);
        facts.endpoint = printable(endpoint.url);
        facts.endpoint_source = endpoint.url_source;
        facts.region = endpoint.region;
        facts.region_source = endpoint.region_source;
        facts.credentials = find_credentials(settings, endpoint.given, false).provider;
    } catch (const NotAsked& nobody) {
        facts.credentials = nobody.place;
        facts.asks = true;
    } catch (const Error& error) {
        facts.failure = error.what();
    }
    return facts;
}

} // namespace tz::cli
