// The connections of one loop that wait for the next request, whichever reader makes it: a server
// that serves few connections then serves all readers with them.
#pragma once

#include <tz/engine/async.hpp>
#include <tz/protocols/connection.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <cstddef>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace tz {

/// Belongs to its readers, all on the loop's thread. Keeps no more connections than it has readers.
class ConnectionPool {
public:
    explicit ConnectionPool(asio::io_context& context) : context_(context) {}

    ConnectionPool(const ConnectionPool&) = delete;
    ConnectionPool& operator=(const ConnectionPool&) = delete;

    /// A reader that counts; closes a connection that waits when it goes.
    class Member {
    public:
        explicit Member(std::shared_ptr<ConnectionPool> pool);
        ~Member();
        Member(const Member&) = delete;
        Member& operator=(const Member&) = delete;

        ConnectionPool& pool() const { return *pool_; }

    private:
        std::shared_ptr<ConnectionPool> pool_;
    };

private:
    struct Waiter;

    /// What is known of one way to one server.
    struct Way {
        std::vector<std::unique_ptr<Connection>> idle; ///< the last one is taken first
        std::list<Waiter*> waiters;                    ///< the first one is served first
        unsigned out = 0;                              ///< leases
        unsigned answered = 0;                         ///< leases whose connection has answered
        std::optional<unsigned> limit; ///< of connections; set when the server bears no more
        Connection::Clock::time_point probe{}; ///< when one more is tried all the same
    };

public:
    /// The right to one connection. A connection that can be used again goes back at the end.
    class Lease {
    public:
        /// `way` tells apart what connections lead to, and how.
        Lease(ConnectionPool& pool, const std::string& way);
        ~Lease();
        Lease(const Lease&) = delete;
        Lease& operator=(const Lease&) = delete;

        /// Null: one is to be opened.
        std::unique_ptr<Connection> connection;

        /// The connection has brought an answer.
        void answered();
        /// No answer came, nor will one soon: true if others have connections that do answer. Then
        /// the server is taken to bear no more of them for a while.
        bool crowded_out();

    private:
        friend class ConnectionPool;

        ConnectionPool& pool_;
        Way& way_;
        bool answered_ = false;
    };

    /// Takes a connection that waits; or waits for one where the server bears no more, but not
    /// longer than `patience`. Now and then the server is asked all the same whether it bears more.
    awaitable<void> take(Lease& lease, std::chrono::milliseconds patience);

    /// False where none waits.
    static bool take_idle(Lease& lease);
    /// False where the server is taken to bear no more connections than there are.
    static bool has_room(const Lease& lease);

private:
    struct Waiter {
        asio::steady_timer timer;
        std::unique_ptr<Connection> given{};
        bool woken = false;
    };

    static std::unique_ptr<Connection> take_idle(Way& way);
    static void wake(Way& way, std::unique_ptr<Connection> connection);
    void give_back(Lease& lease);
    void trim();

    asio::io_context& context_;
    std::map<std::string, Way> ways_; ///< few: hosts, and where they redirect to
    std::size_t readers_ = 0;
};

} // namespace tz
