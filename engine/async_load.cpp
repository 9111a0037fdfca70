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

#include <stop_token>
#include <system_error>

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
          handler_(std::move(handler)),
          work_(asio::make_work_guard(asio::get_associated_executor(handler_, system_threads()))) {
        auto slot = asio::get_associated_cancellation_slot(handler_);
        if (slot.is_connected())
            slot.assign([stop = stop_](asio::cancellation_type) mutable { stop.request_stop(); });
    }

    void run() noexcept {
        Result result;
        std::exception_ptr failure;
        {
            const From from = std::move(from_);
            LoadOptions options = std::move(options_);
            const std::stop_callback on_stop(options.stop, [this] { stop_.request_stop(); });
            options.stop = stop_.get_token();
            try {
                result = load_from(engine_, from, options);
            } catch (...) {
                failure = std::current_exception();
            }
        }
        complete(std::move(failure), std::move(result));
    }

    /// On no thread of the handler's executor, so that dispatching is posting, which any executor
    /// of Boost 1.81 lacks. It allocates; where even that fails nobody would hear of the load.
    // NOLINTNEXTLINE(bugprone-exception-escape)
    void complete(std::exception_ptr failure, Result result) noexcept {
        const auto executor = work_.get_executor();
        auto upcall = [handler = std::move(handler_),
                       work = std::move(work_),
                       failure = std::move(failure),
                       result = std::move(result)]() mutable {
            // here and not sooner: signals are emitted on this executor, and slots take no lock
            auto slot = asio::get_associated_cancellation_slot(handler);
            if (slot.is_connected())
                slot.clear();
            std::move(handler)(std::move(failure), std::move(result));
        };
        asio::dispatch(executor, std::move(upcall));
    }

private:
    Engine& engine_;
    From from_;
    LoadOptions options_;
    Handler handler_;
    asio::executor_work_guard<asio::any_completion_executor> work_;
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
            operation->complete(failure, {});
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
