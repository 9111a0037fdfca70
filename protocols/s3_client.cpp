#include <tz/engine/cleared_slot.hpp>
#include <tz/protocols/open_connection.hpp>
#include <tz/protocols/retry_after.hpp>
#include <tz/protocols/s3_client.hpp>

#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <cassert>
#include <exception>
#include <utility>

namespace tz {

namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

// To put an object of many parts together takes a server minutes; meanwhile some send blanks, and
// others nothing.
constexpr int patience = 30;

TransportOptions patient(TransportOptions options) {
    options.first_byte_timeout *= patience;
    options.stall_time *= patience;
    options.stall_bytes = 1;
    return options;
}

RetryOptions brief(RetryOptions options, Clock::duration time) {
    options.tries_max = std::min(options.tries_max, 4u);
    options.total_max = std::min(options.total_max, std::chrono::floor<milliseconds>(time));
    return options;
}

bool is_success(unsigned status) {
    return status >= 200 && status < 300;
}

/// It failed on the way to its answer, and may have been carried out all the same. 200 is an error
/// that was told late.
bool may_be_done(unsigned status) {
    return (status >= 500 && status != 501) || is_success(status);
}

/// Without the rest of its query: ids of uploads are long and say nothing.
std::string text_of(const S3Request& request) {
    std::string text = request.method;
    if (!request.query.empty())
        text += ' ' + request.query.substr(0, request.query.find('&'));
    return text;
}

std::string_view without_blanks(std::string_view text) {
    text.remove_prefix(std::min(text.find_first_not_of(" \t\r\n"), text.size()));
    return text;
}

} // namespace

S3Request S3Request::of(std::string method, std::string query) {
    S3Request request;
    request.method = std::move(method);
    request.query = std::move(query);
    return request;
}

Error S3Answer::refusal(std::optional<std::uint64_t> offset) const {
    return Error(problem.kind, problem.reason, offset, problem.hint);
}

Error no_s3_answer(const char* what) {
    return Error(
        errc::transport,
        std::string("the server's answer to ") + what + " is none of S3",
        {},
        "check that the endpoint is an S3 server");
}

struct S3Client::Call {
    Call(
        Loop& on,
        const S3Request& what,
        const RetryOptions& usual,
        RetryBudget& budget,
        bool* begun_twice)
        : loop(on),
          request(what),
          text(text_of(what)),
          deadline(
              what.way == S3Way::brief ? std::min(begun + brief_time, what.until)
                                       : Clock::time_point::max()),
          options(what.way == S3Way::brief ? brief(usual, deadline - begun) : usual),
          retry(options, budget, begun),
          perhaps(begun_twice) {}

    void doubt() noexcept {
        doubtful = true;
        if (perhaps != nullptr)
            *perhaps = true;
    }

    Loop& loop;
    const S3Request& request;
    const std::string text; ///< of it, for the log
    const Clock::time_point begun = Clock::now();
    const Clock::time_point deadline;
    const RetryOptions options;
    Retry retry;
    ConnectionPool* pool = nullptr;
    bool doubtful = false; ///< as the answer's
    bool* perhaps;         ///< the caller's, or null; outlives this
};

/// While a request is sent and its answer not read: whatever ends that, want of memory too, leaves
/// it in doubt.
class S3Client::Unanswered {
public:
    explicit Unanswered(Call& call) : call_(&call) {}

    ~Unanswered() {
        if (call_ != nullptr)
            call_->doubt();
    }

    Unanswered(const Unanswered&) = delete;
    Unanswered& operator=(const Unanswered&) = delete;

    void over() { call_ = nullptr; }

private:
    Call* call_;
};

/// While a request goes to its end.
class S3Client::ToTheEnd::Scope {
public:
    Scope(ToTheEnd& going, Connection& connection) : going_(going) {
        assert(going_.connection == nullptr);
        going_.connection = &connection;
        going_.cancelled = false;
    }

    ~Scope() { going_.connection = nullptr; }

    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

private:
    ToTheEnd& going_;
};

void S3Client::ToTheEnd::hurry() {
    if (connection == nullptr)
        return;
    cancelled = true;
    connection->end_by(Clock::now() + last_answer_time);
}

struct S3Client::Attempt {
    Attempt() = default;
    Attempt(const Attempt&) = delete;
    Attempt& operator=(const Attempt&) = delete;

    Place place;
    Question question;
    std::unique_ptr<ConnectionPool::Lease> lease; ///< or
    std::unique_ptr<Connection> own;
    bool fresh = false; ///< the connection was opened for this
    bool moved = false; ///< it led to another region
    S3Answer answer;
    Outcome outcome;

    Connection& connection() const { return own ? *own : *lease->connection; }
};

/// A member of a loop's pool for one call, on that loop's thread.
class S3Client::Seat {
public:
    Seat(S3Client& client, Loop& loop) : client_(client), loop_(loop) {
        {
            const std::lock_guard lock(client_.mutex_);
            auto& free = client_.members_[&loop].free;
            if (!free.empty()) {
                member_ = std::move(free.back());
                free.pop_back();
            }
        }
        if (!member_)
            member_ =
                std::make_unique<ConnectionPool::Member>(client_.access_.transport->pool(loop));
    }

    ~Seat() {
        const std::lock_guard lock(client_.mutex_);
        try {
            client_.members_[&loop_].free.push_back(std::move(member_));
        } catch (const std::bad_alloc&) {
            return; // it goes with the seat
        }
    }

    Seat(const Seat&) = delete;
    Seat& operator=(const Seat&) = delete;

    ConnectionPool& pool() const { return member_->pool(); }

private:
    S3Client& client_;
    Loop& loop_;
    std::unique_ptr<ConnectionPool::Member> member_;
};

S3Client::S3Client(S3Access access, const RetryOptions& retry, const Log& log)
    : access_(std::move(access)),
      retry_(retry),
      patient_(patient(access_.transport->options())),
      budget_(access_.transport->budget(access_.url.origin(), retry.budget)),
      requests_(access_.name, log) {}

S3Client::~S3Client() {
    close();
}

// Takes no memory: without it, connections could only be closed on the wrong thread.
void S3Client::close() noexcept {
    const std::lock_guard lock(mutex_);
    while (!members_.empty()) {
        auto gone = members_.extract(members_.begin());
        Loop& loop = *gone.key();
        HandlerMemory& memory = gone.mapped().leaving;
        auto leave = [gone = std::move(gone)]() mutable { gone = {}; };
        asio::post(loop.context(), memory.bind(std::move(leave)));
    }
}

awaitable<S3Answer> S3Client::call(Loop& loop, const S3Request& request, bool* perhaps) {
    Call call(loop, request, retry_, *budget_, perhaps);
    const Seat seat(*this, loop);
    call.pool = &seat.pool();
    for (;;) {
        Attempt one;
        const auto begun = Clock::now();
        co_await attempt(call, one);
        requests_.ended(call.text, one.outcome, Clock::now() - begun);
        if (one.moved)
            continue;
        if (one.answer.good()) {
            budget_->give_back();
            one.answer.doubtful = call.doubtful;
            co_return std::move(one.answer);
        }
        if (!co_await recover(call, one)) {
            one.answer.doubtful = call.doubtful;
            co_return std::move(one.answer);
        }
    }
}

awaitable<void> S3Client::attempt(Call& call, Attempt& attempt) {
    try {
        co_await ask(call, attempt);
    } catch (const TransportError& error) {
        attempt.outcome.fault = error.fault();
        attempt.answer.problem = Problem{error.kind(), error.reason(), error.hint()};
        if (error.fault().stage >= TransportStage::send)
            call.doubt();
    }
    attempt.outcome.problem = attempt.answer.problem;
}

awaitable<void> S3Client::ask(Call& call, Attempt& attempt) {
    const S3Request& request = call.request;
    attempt.place = request.of_bucket ? access_.asker->bucket() : access_.asker->start();
    attempt.place.url.path += percent_encode(request.key, true);
    attempt.place.url.query = request.query;
    attempt.place.url.has_query = !request.query.empty();
    HttpRequest sent;
    sent.method = request.method;
    sent.headers = request.headers;
    sent.body = request.body;
    sent.payload = request.payload;
    std::string sha256 = request.payload_sha256;
    if (sha256.empty()) {
        const bool carries = !request.body.empty() || !request.payload.empty();
        sha256 = carries || tls() ? unsigned_payload : empty_payload;
    }
    attempt.question = co_await access_.asker->signed_question(
        call.loop, attempt.place, std::move(sent), std::move(sha256));
    co_await connect(call, attempt);
    if (request.to_the_end)
        co_await exchange_to_the_end(call, attempt);
    else
        co_await exchange(call, attempt);
}

/// A cancellation is heard of, ends the exchange a little later, and what fails then is not tried
/// again.
awaitable<void> S3Client::exchange_to_the_end(Call& call, Attempt& attempt) {
    const ToTheEnd::Scope scope(to_the_end_, attempt.connection());
    const auto hurry = [going = &to_the_end_](asio::cancellation_type) {
        going->hurry();
        return asio::cancellation_type::none;
    };
    co_await asio::this_coro::reset_cancellation_state(hurry, asio::disable_cancellation());
    std::exception_ptr failure;
    try {
        co_await exchange(call, attempt);
    } catch (...) {
        failure = std::current_exception();
    }
    co_await asio::this_coro::reset_cancellation_state(asio::enable_terminal_cancellation());
    if (to_the_end_.cancelled)
        attempt.connection().close(); // its time is over soon
    if (to_the_end_.cancelled && failure) {
        call.doubt();
        throw boost::system::system_error(asio::error::operation_aborted);
    }
    if (failure)
        std::rethrow_exception(failure);
}

awaitable<void> S3Client::exchange(Call& call, Attempt& attempt) {
    Unanswered unanswered(call);
    try {
        attempt.answer.head = co_await attempt.connection().exchange(attempt.question.request);
        if (attempt.lease)
            attempt.lease->answered();
        co_await take_answer(call, attempt);
    } catch (const TransportError&) { // attempt() looks how far it came
        unanswered.over();
        throw;
    }
    unanswered.over();
}

awaitable<void> S3Client::connect(Call& call, Attempt& attempt) {
    Transport& transport = *access_.transport;
    if (call.request.way != S3Way::pooled) {
        const bool is_patient = call.request.way == S3Way::patient;
        attempt.own = co_await open_connection(
            call.loop,
            transport,
            attempt.place,
            is_patient ? patient_ : transport.options(),
            call.deadline);
        co_return;
    }
    attempt.lease = std::make_unique<ConnectionPool::Lease>(*call.pool, way_to(attempt.place));
    co_await call.pool->take(*attempt.lease, retry_.total_max);
    if (!attempt.lease->connection) {
        attempt.fresh = true;
        attempt.lease->connection =
            co_await open_connection(call.loop, transport, attempt.place, transport.options());
    }
}

awaitable<void> S3Client::take_answer(Call& call, Attempt& attempt) {
    S3Answer& answer = attempt.answer;
    Outcome& outcome = attempt.outcome;
    outcome.status = answer.head.status;
    outcome.has_date = answer.head.find("date").has_value();
    outcome.retry_after = retry_after_of(answer.head);
    answer.text = co_await attempt.connection().read_text(call.request.answer_max);
    answer.error = s3_error(without_blanks(answer.text));
    if (answer.error)
        outcome.s3 = answer.error->kind;
    if (is_success(outcome.status) && !answer.error)
        co_return;
    if (access_.asker->moved(attempt.place, answer.head, answer.text)) {
        attempt.moved = true;
        co_return;
    }
    if (may_be_done(outcome.status)) {
        call.doubtful = true;
        if (outcome.s3 != S3Code::slow_down) // which says that nothing was begun
            call.doubt();
    }
    answer.problem = status_problem(outcome.status, outcome.s3);
    access_.asker->explain(answer.problem, answer.error);
    if (outcome.s3 == S3Code::damaged) { // on the way: once more, by another connection
        outcome.fault = TransportFault{TransportStage::body, TransportCause::protocol};
        outcome.fault->answered = true;
    }
}

/// True when it is time for the next attempt; false where an answer is to be judged by the caller.
awaitable<bool> S3Client::recover(Call& call, Attempt& attempt) {
    double random = 0;
    {
        const std::lock_guard lock(mutex_);
        random = std::generate_canonical<double, 32>(random_);
    }
    const Outcome& outcome = attempt.outcome;
    Decision decision = call.retry.decide(outcome, Clock::now(), random);
    if (decision.next == Next::refresh_credentials) {
        const bool other = co_await access_.asker->renew(call.loop, attempt.question.generation);
        if (!other) // once more the same, which is given up
            decision = call.retry.decide(outcome, Clock::now(), random);
    } else if (decision.next == Next::correct_clock) {
        access_.asker->correct_clock(attempt.answer.head);
    }
    if (decision.next == Next::give_up) {
        attempt.answer.problem = std::move(decision.problem);
        if (!outcome.fault || outcome.fault->answered)
            co_return false;
        const Problem& problem = attempt.answer.problem;
        throw Error(problem.kind, problem.reason, call.request.offset, problem.hint);
    }
    const bool waited = outcome.fault && outcome.fault->cause == TransportCause::timed_out;
    // others are answered while a new connection is not: the server bears no more of them
    if (waited && attempt.fresh && attempt.lease && attempt.lease->crowded_out())
        decision.delay = milliseconds(0);
    requests_.again(call.text, outcome, call.retry, decision);
    if (decision.new_connection && attempt.lease)
        attempt.lease->connection.reset();
    attempt.lease.reset();
    attempt.own.reset();
    if (decision.delay.count() > 0) {
        asio::steady_timer timer(call.loop.context(), decision.delay);
        const ClearedSlot cleared(co_await asio::this_coro::cancellation_state);
        co_await timer.async_wait(use_awaitable);
    }
    co_return true;
}

} // namespace tz
