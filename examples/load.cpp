// What a program can do with tzio, one function each. Run it with any `.tensors` file that needs no
// key:
//
//     example_load model.tensors
//
#include <tz/engine/async_load.hpp>
#include <tz/engine/load.hpp>
#include <tz/format/name.hpp>
#include <tz/protocols/file.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <csignal>
#include <cstddef>
#include <exception>
#include <iostream>
#include <map>
#include <span>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

namespace asio = boost::asio;

// Everything, in memory of the result. Blocks until it is read and verified.
void load_all(tz::Engine& engine, const std::string& path) {
    const tz::Loaded model = tz::load(engine, tz::open_file(path));
    for (std::size_t i = 0; i < model.tensors.size(); ++i) {
        const tz::format::Tensor& tensor = model.layout.tensors[i];
        std::cout << tz::format::display_name(tensor.name) << ": " << tensor.dtype.name << " [";
        for (const auto size : tensor.shape)
            std::cout << ' ' << size;
        std::cout << " ], " << model.tensors[i].size() << " bytes\n";
    }
    std::cerr << tz::explain(model.stats) << '\n'; // what kept it from being faster
}

// Straight into memory of your own: every wanted tensor is given its place before anything is read.
void load_into_own_memory(tz::Engine& engine, const std::string& path) {
    std::map<std::string, std::vector<std::byte>> weights;
    tz::LoadOptions options;
    options.memory = tz::Memory::given;
    options.destination = [&weights](std::size_t, const tz::format::Tensor& tensor) {
        auto& place = weights[tz::format::key_name(tensor.name)];
        place.resize(tensor.bytes);
        return std::span(place);
    };
    try {
        tz::load(engine, tz::open_file(path), options);
        std::cout << "own memory: " << weights.size() << " tensors\n";
    } catch (const tz::PartialLoad& error) { // some are whole, the others partly written
        std::cout << "own memory: only " << error.complete().size() << " tensors are whole\n";
        throw;
    }
}

// Some tensors only, the largest first, each handed over once it is complete, while others are
// still being read.
void load_some_in_order(tz::Engine& engine, const std::string& path) {
    const auto source = tz::open_file(path);
    const tz::format::Layout layout = tz::read_layout(engine, source);
    const tz::format::Tensor* largest = nullptr;
    for (const auto& tensor : layout.tensors)
        if (largest == nullptr || tensor.bytes > largest->bytes)
            largest = &tensor;

    tz::LoadOptions options;
    options.selection.exclude = {"*running*"};
    options.selection.wanted = [](const tz::format::Tensor& tensor) { return tensor.bytes > 8; };
    if (largest != nullptr && largest->bytes > 8)
        options.selection.order = {tz::format::key_name(largest->name)};
    options.deliver = [](const tz::Delivered& delivered) {
        // to use it after the load, keep a copy of delivered.memory
        std::cout << "delivered: " << tz::format::display_name(delivered.tensor.name) << '\n';
    };
    tz::load(engine, source, options);
}

asio::awaitable<void>
load_and_wait(tz::Engine& engine, const std::string& path, const tz::LoadOptions& options) {
    const tz::Loaded model =
        co_await tz::async_load(engine, tz::open_file(path), options, asio::use_awaitable);
    std::cerr << '\n';
    std::cout << "awaited: " << model.stats.tensors << " tensors, " << model.stats.bytes
              << " bytes\n";
}

// Without blocking, with progress, until Ctrl-C. (request_stop() takes locks, so that a handler of
// signal() must not call it; Asio's signal_set calls back on an ordinary thread.)
void load_with_asio(tz::Engine& engine, const std::string& path) {
    asio::io_context context(1);
    std::stop_source stop;
    asio::signal_set signals(context, SIGINT, SIGTERM);
    signals.async_wait([&stop](const boost::system::error_code& error, int) {
        if (!error)
            stop.request_stop();
    });
    tz::LoadOptions options;
    options.stop = stop.get_token();
    options.progress = [](const tz::Progress& now) { // on a thread of the engine
        std::cerr << now.bytes_done << " of " << now.bytes_total << " bytes\r";
    };
    std::exception_ptr failure;
    auto ended = [&](std::exception_ptr error) {
        failure = std::move(error);
        signals.cancel(); // else run() would wait for them
    };
    asio::co_spawn(context, load_and_wait(engine, path, options), ended);
    context.run();
    if (failure)
        std::rethrow_exception(failure);
}

int main(int argc, char** argv) {
    if (argc != 2) {
        std::cerr << "usage: example_load FILE\n";
        return 2;
    }
    const std::string path = argv[1];
    try {
        tz::EngineOptions options;
        options.log = [](tz::LogLevel level, const std::string& line) {
            if (level == tz::LogLevel::warning)
                std::cerr << "example_load: " << line << '\n';
        };
        tz::Engine engine(options); // threads and staging memory, for all loads
        load_all(engine, path);
        load_into_own_memory(engine, path);
        load_some_in_order(engine, path);
        load_with_asio(engine, path);
    } catch (const tz::Error& error) {
        std::cerr << "example_load: " << error.what() << '\n';
        return error.kind() == tz::errc::cancelled ? 130 : 1;
    } catch (const std::exception& error) {
        std::cerr << "example_load: " << error.what() << '\n';
        return 1;
    }
}
