#include "core.hpp"
#include "devices.hpp"
#include "timeline.hpp"
#include <tz/engine/manifest_check.hpp>
#include <tz/engine/read_whole.hpp>
#include <tz/engine/source.hpp>
#include <tz/engine/upload.hpp>
#include <tz/format/error.hpp>
#include <tz/format/name.hpp>
#include <tz/protocols/model.hpp>
#include <tz/protocols/open.hpp>
#include <tz/protocols/open_target.hpp>
#include <tz/protocols/sidecar.hpp>
#include <tz/tools/requirement.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <nanobind/stl/string.h>
#include <optional>
#include <span>
#include <stop_token>
#include <thread>
#include <unistd.h>

namespace tzio {

namespace {

/// Stops loads, from any thread.
class Stop {
public:
    void request() { source_.request_stop(); }

    std::stop_token token() const { return source_.get_token(); }

private:
    std::stop_source source_;
};

/// Whose load is running: the engine does one after another. Whoever waits hears signals, which it
/// would not inside the engine.
class Turn {
public:
    using Clock = std::chrono::steady_clock;

    /// Held until `held` is gone. From now on counts `options.deadline`. Throws
    /// `tz::Error` (cancelled, deadline; usage in a callback of the load whose turn it is), or what
    /// a signal's handler raises.
    void take(std::unique_lock<std::timed_mutex>& held, tz::LoadOptions& options) {
        if (holder_ == std::this_thread::get_id())
            throw tz::Error(
                tz::errc::usage,
                "a load's own callback asks for another load",
                {},
                "load once the first load has ended, or in another thread");
        const Clock::time_point began = Clock::now();
        options.begun = began;
        held = std::unique_lock(one_load_, std::defer_lock);
        while (!wait(held)) {
            if (PyErr_CheckSignals() != 0)
                throw nb::python_error();
            if (options.stop.stop_requested())
                throw tz::Error(tz::errc::cancelled, "the load was cancelled");
            if (options.deadline && Clock::now() - began >= *options.deadline)
                break;
        }
        if (options.deadline && Clock::now() - began >= *options.deadline)
            throw tz::Error(
                tz::errc::deadline,
                "the load did not end in time: others came before it",
                {},
                "raise the deadline, or load with a configuration of its own");
        holder_ = std::this_thread::get_id();
    }

    /// Before `held` goes.
    void give_back() { holder_ = std::thread::id(); }

private:
    static bool wait(std::unique_lock<std::timed_mutex>& held) {
        if (held.try_lock())
            return true;
        const nb::gil_scoped_release others;
        return held.try_lock_for(std::chrono::milliseconds(10));
    }

    std::timed_mutex one_load_;
    std::atomic<std::thread::id> holder_;
};

class HeldTurn {
public:
    HeldTurn(Turn& turn, tz::LoadOptions& options) : turn_(turn) { turn.take(held_, options); }

    ~HeldTurn() { turn_.give_back(); }

    HeldTurn(const HeldTurn&) = delete;
    HeldTurn& operator=(const HeldTurn&) = delete;

private:
    Turn& turn_;
    std::unique_lock<std::timed_mutex> held_;
};

/// Ends a load whose layouts are all that was wanted.
struct LayoutsRead {};

/// The threads, rings and staging memory of loads, for the process that made it.
class Engine {
public:
    explicit Engine(const nb::dict& keywords) {
        tz::EngineOptions options = parse_engine_options(keywords);
        options.log = [messages = messages_](tz::LogLevel level, const std::string& text) {
            messages->add(level, text);
        };
        const nb::gil_scoped_release others;
        engine_ = std::make_unique<tz::Engine>(std::move(options));
    }

    ~Engine() {
        if (::getpid() != process_)
            // its threads are the parent's: nobody is there to be waited for
            static_cast<void>(engine_.release());
        const nb::gil_scoped_release others;
        engine_.reset();
    }

    Engine(const Engine&) = delete;
    Engine& operator=(const Engine&) = delete;

    nb::tuple
    load(const nb::list& addresses, const nb::dict& keywords, Stop& stop, nb::handle into) {
        Arguments arguments = parse_arguments(addresses, keywords);
        std::optional<Places> places;
        if (!into.is_none())
            places = places_of(nb::cast<nb::dict>(into));
        std::unique_ptr<Loaded> loaded = run(arguments, stop, places);
        nb::dict stats = stats_of(loaded->files().stats);
        return nb::make_tuple(nb::cast(loaded.release(), nb::rv_policy::take_ownership), stats);
    }

    /// What the files hold, without their data: a load that ends before it reads any.
    Loaded* layout(const nb::list& addresses, const nb::dict& keywords, Stop& stop) {
        Arguments arguments = parse_arguments(addresses, keywords);
        const HeldTurn turn = begin(arguments, stop);
        tz::LoadedFiles files;
        {
            const nb::gil_scoped_release others;
            const tz::Model model = open(arguments);
            check_manifests(model, arguments);
            arguments.options.memory = tz::Memory::none;
            arguments.options.check_layouts = [&](std::span<const tz::format::Layout> layouts) {
                if (model.check)
                    model.check(layouts);
                for (const tz::format::Layout& layout : layouts)
                    files.files.emplace_back().layout = layout;
                throw LayoutsRead();
            };
            try {
                tz::load(usable(), model.sources, arguments.options);
            } catch (const LayoutsRead&) {
                arguments.options.check_layouts = nullptr;
            }
        }
        messages_->pass_on();
        return new Loaded(std::move(files));
    }

    /// All bytes of one file of any kind, of which there may be at most `bytes_max`.
    nb::bytes
    read(const nb::list& addresses, const nb::dict& keywords, Stop& stop, std::uint64_t bytes_max) {
        Arguments arguments = parse_arguments(addresses, keywords);
        const HeldTurn turn = begin(arguments, stop);
        std::vector<std::byte> bytes;
        {
            const nb::gil_scoped_release others;
            const tz::Model model = open(arguments);
            bytes = tz::read_whole(usable(), model.sources.at(0), bytes_max, arguments.options);
        }
        messages_->pass_on();
        return nb::bytes(bytes.data(), bytes.size());
    }

    /// One file copied to s3://BUCKET/KEY, where it appears whole, in place of what is there.
    void
    upload(const nb::list& addresses, const nb::dict& keywords, Stop& stop, const std::string& to) {
        Arguments arguments = parse_arguments(addresses, keywords);
        const HeldTurn turn = begin(arguments, stop);
        {
            const nb::gil_scoped_release others;
            const auto source =
                tz::open(arguments.addresses.at(0), arguments.network, arguments.direct, log());
            const std::shared_ptr<tz::Target> target =
                tz::open_target(arguments.network, tz::Existing::replaced, log())(to);
            tz::UploadOptions options;
            options.deadline = arguments.options.deadline;
            options.begun = arguments.options.begun;
            options.stop = arguments.options.stop;
            options.progress = arguments.options.progress;
            tz::upload(usable(), source, *target, options);
        }
        messages_->pass_on();
    }

    std::string io() { return usable().io(); }

private:
    tz::Engine& usable() {
        if (::getpid() != process_)
            throw tz::Error(
                tz::errc::usage,
                "this process was forked from the one that the engine belongs to",
                {},
                "start processes by 'spawn', or load for the first time after the fork");
        return *engine_;
    }

    tz::Model open(const Arguments& arguments) {
        return tz::open_model(
            usable(),
            arguments.addresses,
            arguments.network,
            arguments.direct,
            log(),
            arguments.options);
    }

    /// Those that are demanded. The load then goes by them.
    void check_manifests(const tz::Model& model, Arguments& arguments) {
        tz::ManifestOptions wanted;
        wanted.require =
            tz::cli::read_requirement(arguments.require, arguments.subject, arguments.options.stop);
        if (!wanted.require.demands())
            return;
        wanted.contents = false; // which the load reads
        wanted.waiting = arguments.options;
        for (std::size_t i = 0; i < model.sources.size(); ++i) {
            const tz::ManifestPlaces places{
                model.sources[i],
                tz::open_sidecar(model.addresses[i], arguments.network, arguments.direct, log())};
            arguments.options.manifests.push_back(tz::check_manifest(usable(), places, wanted));
        }
    }

    tz::Log log() {
        return [this](tz::LogLevel level, const std::string& text) { messages_->add(level, text); };
    }

    /// Ctrl-C and the like end the load; whoever wants to hears how far it is.
    HeldTurn begin(Arguments& arguments, const Stop& stop) {
        usable();
        arguments.options.stop = stop.token();
        arguments.options.progress = [this, &arguments](const tz::Progress& now) {
            const nb::gil_scoped_acquire interpreter;
            if (PyErr_CheckSignals() != 0)
                throw nb::python_error();
            messages_->pass_on();
            if (arguments.progress.is_valid())
                arguments.progress(
                    now.phase == tz::Phase::index ? "index" : "tensors",
                    now.bytes_done,
                    now.bytes_total,
                    now.tensors_done,
                    now.tensors_total);
        };
        return HeldTurn(turn_, arguments.options);
    }

    std::unique_ptr<Loaded>
    run(Arguments& arguments, const Stop& stop, const std::optional<Places>& places) {
        const HeldTurn turn = begin(arguments, stop);
        std::unique_ptr<Loaded> loaded;
        {
            const nb::gil_scoped_release others;
            const tz::Model model = open(arguments);
            check_manifests(model, arguments);
            arguments.options.check_layouts = model.check;
            const Timed timed(arguments.timeline.get(), arguments.options);
            loaded = arguments.device ? load_to_device(
                                            usable(),
                                            model.sources,
                                            arguments.options,
                                            *arguments.device,
                                            places,
                                            log())
                                      : load_to_host(model, arguments.options, places);
        }
        messages_->pass_on();
        return loaded;
    }

    std::unique_ptr<Loaded> load_to_host(
        const tz::Model& model, tz::LoadOptions& options, const std::optional<Places>& places) {
        if (places) {
            options.memory = tz::Memory::given;
            options.destination = [&places](std::size_t, const tz::format::Tensor& tensor) {
                return places->at(tz::format::key_name(tensor.name));
            };
        }
        return std::make_unique<Loaded>(tz::load(usable(), model.sources, options));
    }

    Turn turn_;
    std::shared_ptr<Messages> messages_ = std::make_shared<Messages>();
    std::unique_ptr<tz::Engine> engine_;
    pid_t process_ = ::getpid();
};

} // namespace

void Messages::add(tz::LogLevel level, const std::string& text) {
    const std::lock_guard lock(mutex_);
    if (lines_.size() == kept_max)
        lines_.erase(
            std::ranges::min_element(lines_, {}, [](const auto& line) { return line.first; }));
    lines_.emplace_back(level, text);
}

void Messages::pass_on() {
    std::deque<std::pair<tz::LogLevel, std::string>> lines;
    {
        const std::lock_guard lock(mutex_);
        lines.swap(lines_);
    }
    if (lines.empty())
        return;
    const nb::object logger = nb::module_::import_("logging").attr("getLogger")("tzio");
    for (const auto& [level, text] : lines) {
        const char* name = level == tz::LogLevel::debug  ? "debug"
                           : level == tz::LogLevel::info ? "info"
                                                         : "warning";
        logger.attr(name)("%s", text);
    }
}

void bind_engine(nb::module_& module) {
    nb::class_<Stop>(module, "Stop", "Stops the loads that it is given to, from any thread.")
        .def(nb::init<>())
        .def("request", &Stop::request);
    nb::class_<Engine>(
        module, "Engine", "Threads, rings and staging memory; loads run one after another.")
        .def(
            nb::init<const nb::dict&>(),
            nb::arg("keywords"),
            nb::sig("def __init__(self, keywords: dict[str, typing.Any]) -> None"))
        .def(
            "load",
            &Engine::load,
            nb::arg("addresses"),
            nb::arg("keywords"),
            nb::arg("stop"),
            nb::arg("into").none(),
            nb::sig(
                "def load(self, addresses: list[str], keywords: dict[str, typing.Any], stop: Stop, "
                "into: dict[str, tuple[int, int]] | None) -> tuple[Loaded, dict[str, typing.Any]]"))
        .def(
            "layout",
            &Engine::layout,
            nb::arg("addresses"),
            nb::arg("keywords"),
            nb::arg("stop"),
            nb::sig("def layout(self, addresses: list[str], keywords: dict[str, typing.Any], stop: "
                    "Stop) -> Loaded"))
        .def(
            "read",
            &Engine::read,
            nb::arg("addresses"),
            nb::arg("keywords"),
            nb::arg("stop"),
            nb::arg("bytes_max"),
            nb::sig(
                "def read(self, addresses: list[str], keywords: dict[str, typing.Any], stop: Stop, "
                "bytes_max: int) -> bytes"))
        .def(
            "upload",
            &Engine::upload,
            nb::arg("addresses"),
            nb::arg("keywords"),
            nb::arg("stop"),
            nb::arg("to"),
            nb::sig("def upload(self, addresses: list[str], keywords: dict[str, typing.Any], stop: "
                    "Stop, to: str) -> None"))
        .def_prop_ro("io", &Engine::io);
}

} // namespace tzio
