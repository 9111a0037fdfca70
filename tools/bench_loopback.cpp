// What a socket of this machine carries to itself: `loopback_ceiling`.
#include <tz/format/error.hpp>
#include <tz/tools/bench_ceilings.hpp>
#include <tz/tools/bench_memory.hpp>
#include <tz/tools/bench_random.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>

#include <memory>
#include <thread>

namespace tz::bench {

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

constexpr std::size_t buffer_bytes = 4 << 20; ///< a chunk's, which stays in no core's cache
constexpr unsigned buffers = 64;

/// A thread sends from one, this one receives to the other.
Sample carry(std::span<const std::byte> from, std::span<std::byte> to) {
    asio::io_context context;
    tcp::acceptor acceptor(context, {asio::ip::address_v4::loopback(), 0});
    tcp::socket sender(context);
    sender.connect(acceptor.local_endpoint());
    tcp::socket receiver = acceptor.accept();
    const Stopwatch watch;
    const std::jthread sending([&] {
        boost::system::error_code failed; // then the receiver finds the end too early
        for (unsigned i = 0; i < buffers && !failed; ++i)
            asio::write(sender, asio::buffer(from.data(), from.size()), failed);
        sender.shutdown(tcp::socket::shutdown_send, failed);
    });
    for (std::size_t left = buffers * from.size(); left > 0;)
        left -= receiver.read_some(asio::buffer(to.data(), to.size()));
    return watch.stop(buffers * from.size());
}

} // namespace

Entry loopback_ceiling() {
    const auto from = std::make_shared<FreshMemory>(buffer_bytes, Pages::huge);
    const auto to = std::make_shared<FreshMemory>(buffer_bytes, Pages::huge);
    fill_random(from->bytes(), 1);
    fill_random(to->bytes(), 2);
    Entry entry{.role = Role::stage, .cache = Cache::none, .name = "loopback socket, both ends"};
    entry.run = [from, to] {
        try {
            return carry(from->bytes(), to->bytes());
        } catch (const boost::system::system_error& error) {
            throw Error(errc::io, std::string("loopback socket: ") + error.what());
        }
    };
    return entry;
}

} // namespace tz::bench
