// What the handles of tz.h are, and the fence that no exception crosses.
#pragma once

#include <tz/engine/load.hpp>
#include <tz/format/error.hpp>
#include <tz/protocols/c/tz.h>
#include <tz/protocols/network.hpp>

#include <cstddef>
#include <cstdint>
#include <exception>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

struct tz_error {
    tz_status status = TZ_OK;
    std::string message;
    std::string file;
    std::string hint;
    std::optional<std::uint64_t> offset;
    std::vector<tz::PartialLoad::Tensor> complete;
};

struct tz_engine_options {
    tz::EngineOptions options;
    std::exception_ptr failure; ///< of the first setter that failed
};

struct tz_engine {
    explicit tz_engine(tz::EngineOptions options)
        : log(options.log),
          engine(std::move(options)),
          io(engine.io()) {}

    tz::Log log;
    tz::Engine engine;
    std::string io;
};

struct tz_tensor {
    tz_tensor(std::size_t file, const tz::format::Tensor& tensor);

    std::string name;
    std::string dtype;
    const tz::format::Tensor* tensor; ///< outlives this
    std::size_t file;
    std::byte* data = nullptr;
    std::shared_ptr<const void> memory;
};

struct tz_hold {
    std::shared_ptr<const void> memory;
};

struct tz_cancel {
    std::stop_source stop;
};

struct tz_load_options {
    tz::LoadOptions options;
    tz::Memory memory = tz::Memory::owned; ///< unless there is a destination
    tz::Direct direct = tz::Direct::automatic;
    tz::NetworkOptions network;
    std::exception_ptr failure; ///< of the first setter that failed
};

struct tz_loaded {
    /// `holds`: whether the memory is the load's, not the caller's.
    tz_loaded(tz::LoadedFiles result, bool holds);

    struct File {
        std::vector<tz_tensor> tensors;
        std::map<std::string_view, const tz_tensor*> by_name; // names of a file can't make it slow
    };

    tz::LoadedFiles loaded;
    std::vector<File> files;
    tz_stats stats{};
    std::string explanation;
};

namespace tz::c {

/// What `failure` says, in `error` if there is such a place and memory for it.
tz_status report(const std::exception_ptr& failure, tz_error** error) noexcept;

/// Runs `body`; what it throws is reported.
template <typename Body>
tz_status guarded(tz_error** error, Body body) noexcept {
    if (error != nullptr)
        *error = nullptr;
    try {
        body();
        return TZ_OK;
    } catch (...) {
        return report(std::current_exception(), error);
    }
}

/// Runs `body`, which sets one of `options`; what it throws is kept for the call they are for.
template <typename Options, typename Body>
void set(Options* options, Body body) noexcept {
    if (options == nullptr)
        return;
    try {
        body();
    } catch (...) {
        if (!options->failure)
            options->failure = std::current_exception();
    }
}

/// A new handle, or null where there is no memory.
template <typename Handle>
Handle* create() noexcept {
    try {
        return new Handle();
    } catch (...) {
        return nullptr;
    }
}

/// Throws `tz::Error` (errc::usage) where a pointer is missing.
template <typename Pointed>
void demand(Pointed* pointer, const char* what) {
    if (pointer == nullptr)
        throw Error(errc::usage, std::string(what) + " is NULL");
}

} // namespace tz::c
