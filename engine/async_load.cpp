#include <tz/engine/async.hpp>
#include <tz/engine/async_load.hpp>
#include <tz/engine/engine.hpp>

#include <boost/asio/any_completion_executor.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/system_executor.hpp>

#include <chrono>
#include <exception>
#include <memory>
#include <new>
#include <stop_token>
#include <system_error>
#include <thread>

namespace tz {

namespace {

Loaded
load_from(Engine& engine, const std::shared_ptr<const Source>& source, const LoadOptions& options) {
    return load(engine, source, options);
}

LoadedFiles load_from(
    Engine& engine,
    const std::vector<std::shared_ptr<const Source>>& sources,
    const LoadOptions& options) {
    return load(engine, sources, options);
}

/// Where handlers without an executor run: never on a thread of the engine, which they may destroy.
auto system_threads() {
    return asio::require(asio::system_executor(), asio::execution::blocking.never);
}

/// One asynchronous load: made where async_load() is called, run on a thread of the engine.
template <typename Result, typename From>
class AsyncLoad {
public:
    using Handler = asio::any_completion_handler<void(std::exception_ptr, Result)>;

    AsyncLoad(Engine& engine, From from, LoadOptions options, Handler handler)
        : engine_(engine),
          from_(std::move(from)),
          options_(std::move(options)),
          call_(std::make_shared<Call>(std::move(handler))) {
        auto slot = asio::get_associated_cancellation_slot(call_->handler);
        if (slot.is_connected())
            slot.assign([stop = stop_](asio::cancellation_type) mutable { stop.request_stop(); });
    }

    void run() noexcept {
        std::exception_ptr failure;
        {
            const From from = std::move(from_);
            LoadOptions options = std::move(options_);
            const std::stop_callback on_stop(options.stop, [this] { stop_.request_stop(); });
            options.stop = stop_.get_token();
            try {
                call_->result = load_from(engine_, from, options);
            } catch (...) {
                failure = std::current_exception();
            }
        }
        complete(std::move(failure));
    }

    /// On no thread of the handler's executor, so that dispatching is posting, which any executor
    /// of Boost 1.81 lacks. It takes memory; where there is none it waits until there is, since
    /// nobody would hear of the load.
    void complete(std::exception_ptr failure) noexcept {
        call_->failure = std::move(failure);
        while (!tell())
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }

private:
    /// The handler and what it is called with.
    struct Call {
        explicit Call(Handler waiting)
            : handler(std::move(waiting)),
              work(
                  asio::make_work_guard(asio::get_associated_executor(handler, system_threads()))) {
        }

        void run() {
            const auto held = std::move(work);
            Handler own = std::move(handler);
            // here and not sooner: signals are emitted on this executor, and slots take no lock
            auto slot = asio::get_associated_cancellation_slot(own);
            if (slot.is_connected())
                slot.clear();
            std::move(own)(std::move(failure), std::move(result));
        }

        Handler handler;
        asio::executor_work_guard<asio::any_completion_executor> work;
        std::exception_ptr failure{};
        Result result{};
    };

    /// False where there is no memory for that. What the handler throws ends the process.
    // NOLINTNEXTLINE(bugprone-exception-escape)
    bool tell() noexcept {
        const auto executor = call_->work.get_executor();
        try {
            asio::dispatch(executor, [call = call_] { call->run(); });
        } catch (const std::bad_alloc&) {
            if (!call_->handler) // it ran here, and threw that
                std::terminate();
            return false;
        }
        call_.reset(); // what its executor never runs goes with that
        return true;
    }

    Engine& engine_;
    From from_;
    LoadOptions options_;
    std::shared_ptr<Call> call_;
    std::stop_source stop_;
};

template <typename Result, typename From>
void start(
    Engine& engine,
    From from,
    LoadOptions options,
    typename AsyncLoad<Result, From>::Handler handler) {
    const auto operation = std::make_shared<AsyncLoad<Result, From>>(
        engine, std::move(from), std::move(options), std::move(handler));
    try {
        engine.state().load_threads.start([operation] { operation->run(); });
    } catch (const std::system_error& error) {
        const auto failure = std::make_exception_ptr(
            Error(errc::limit, std::string("no thread for the load: ") + error.what()));
        asio::post(engine.state().loops.front()->context(), [operation, failure] {
            operation->complete(failure);
        });
    }
}

} // namespace

void start_load(
    Engine& engine,
    std::shared_ptr<const Source> source,
    LoadOptions options,
    asio::any_completion_handler<LoadSignature> handler) {
    start<Loaded>(engine, std::move(source), std::move(options), std::move(handler));
}

void start_load(
    Engine& engine,
    std::vector<std::shared_ptr<const Source>> sources,
    LoadOptions options,
    asio::any_completion_handler<LoadFilesSignature> handler) {
    start<LoadedFiles>(engine, std::move(sources), std::move(options), std::move(handler));
}

} // namespace tz
