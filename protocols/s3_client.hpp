// Requests to S3 other than reading an object: signed, tried again as reads are, over connections
// that are kept.
#pragma once

#include <tz/engine/handler_memory.hpp>
#include <tz/engine/loop.hpp>
#include <tz/protocols/connection_pool.hpp>
#include <tz/protocols/request_log.hpp>
#include <tz/protocols/retry.hpp>
#include <tz/protocols/s3_access.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace tz {

/// How a request gets there, and how long it may take.
enum class S3Way : std::uint8_t {
    pooled,  ///< over a connection that is kept; limits as for reads
    patient, ///< its own connection: the server may have much to do before it answers
    brief,   ///< its own connection, and all tries over in `S3Client::brief_time`, and by `until`
};

struct S3Request {
    static S3Request of(std::string method, std::string query = {});

    void add(std::string name, std::string value) {
        headers.push_back(HttpHeader{std::move(name), std::move(value)});
    }

    std::string method;
    std::string key{};      ///< added to the name that the client is for, as it stands
    bool of_bucket = false; ///< asks the bucket of that name, and not the object
    std::string query;      ///< percent-encoded, without '?'
    std::vector<HttpHeader> headers;
    std::string body;
    /// Instead of `body`, from where it lies, which stays until the end of the call.
    std::span<const std::byte> payload{};
    std::string payload_sha256; ///< of body or payload, hexadecimal; empty: not to be signed
    std::optional<std::uint64_t> offset{}; ///< of the payload in its object, for errors
    S3Way way = S3Way::pooled;
    std::chrono::steady_clock::time_point until = std::chrono::steady_clock::time_point::max();
    /// Once it is sent, its answer is waited for where the call is cancelled, up to
    /// `S3Client::last_answer_time`: what it begins must be known to be ended. One at a time.
    bool to_the_end = false;
    std::size_t answer_max = s3_error_bytes_max; ///< bytes of its text that are read
};

/// The answer that counted: the first that did not ask for another try, or the last.
struct S3Answer {
    ReplyHead head;
    std::string text;
    std::optional<S3Error> error; ///< in the text, whatever the status
    Problem problem;              ///< of a refusal, ready to be thrown
    /// This try or one before it was perhaps carried out though its answer says otherwise, or did
    /// not come.
    bool doubtful = false;

    /// What to throw of it.
    Error refusal(std::optional<std::uint64_t> offset = {}) const;

    bool good() const { return problem.reason.empty(); }

    bool is(unsigned status, S3Code code) const {
        return head.status == status || (error && error->kind == code);
    }
};

/// The answer to `what` makes no sense.
Error no_s3_answer(const char* what);

/// One object's or one bucket's. Any thread, each call on its loop's. Close it while the loops it
/// was used on run.
class S3Client {
public:
    static constexpr std::chrono::seconds brief_time{10};
    static constexpr std::chrono::seconds last_answer_time{1};

    S3Client(S3Access access, const RetryOptions& retry, const Log& log);
    ~S3Client();
    S3Client(const S3Client&) = delete;
    S3Client& operator=(const S3Client&) = delete;

    const std::string& name() const { return access_.name; }

    bool tls() const { return access_.url.tls; }

    /// `request` stays until it ends. Throws `tz::Error` where no answer came, as often as it was
    /// tried; refusals are for the caller to judge. `perhaps`, where given, becomes true where the
    /// answer would be doubtful, however the call ends, but not for a server that asks for fewer
    /// requests. It outlives the call.
    awaitable<S3Answer> call(Loop& loop, const S3Request& request, bool* perhaps = nullptr);

    /// Leaves the connections that wait, each to its loop. When no call is under way.
    void close() noexcept;

private:
    struct Call;
    struct Attempt;
    class Unanswered;
    class Seat;

    /// What a cancellation meets while a request goes to its end. Not in the coroutine: Asio may
    /// give that up, for want of memory, and still tell of cancellations what it put in their way.
    struct ToTheEnd {
        class Scope;

        void hurry();

        Connection* connection = nullptr; ///< of the request, while it is under way
        bool cancelled = false;
    };

    struct Members {
        std::vector<std::unique_ptr<ConnectionPool::Member>> free{}; ///< that no call uses now
        HandlerMemory leaving{};
    };

    awaitable<void> attempt(Call& call, Attempt& attempt);
    awaitable<void> ask(Call& call, Attempt& attempt);
    awaitable<void> connect(Call& call, Attempt& attempt);
    awaitable<void> exchange_to_the_end(Call& call, Attempt& attempt);
    awaitable<void> exchange(Call& call, Attempt& attempt);
    awaitable<void> take_answer(Call& call, Attempt& attempt);
    awaitable<bool> recover(Call& call, Attempt& attempt);

    const S3Access access_;
    const RetryOptions retry_;
    const TransportOptions patient_;
    const std::shared_ptr<RetryBudget> budget_;
    const RequestLog requests_;
    ToTheEnd to_the_end_;              ///< of that request's loop's thread
    std::mutex mutex_;                 ///< of what follows
    std::map<Loop*, Members> members_; ///< of pools
    std::minstd_rand random_{std::random_device{}()};
};

} // namespace tz
