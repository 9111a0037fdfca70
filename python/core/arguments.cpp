#include "core.hpp"
#include "timeline.hpp"
#include <tz/format/error.hpp>
#include <tz/format/name.hpp>
#include <tz/format/seal.hpp>
#include <tz/protocols/network_setting.hpp>

#include <chrono>
#include <functional>
#include <map>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>
#include <string_view>

namespace tzio {

namespace {

std::string text_of(nb::handle value) {
    return nb::cast<std::string>(value);
}

/// One of a few words.
template <typename Value>
Value one_of(nb::handle value, const char* name, const std::map<std::string, Value>& words) {
    const auto word = words.find(text_of(value));
    if (word != words.end())
        return word->second;
    std::string known;
    for (const auto& each : words)
        known += (known.empty() ? "" : ", ") + each.first;
    throw tz::Error(
        tz::errc::usage,
        std::string(name) + "='" + tz::printable(text_of(value)) + "' is none of " + known);
}

std::span<const std::byte> bytes_of(nb::handle value) {
    const auto bytes = nb::cast<nb::bytes>(value);
    return {static_cast<const std::byte*>(bytes.data()), bytes.size()};
}

std::shared_ptr<const tz::format::Secret> secret_of(nb::handle value) {
    return std::make_shared<tz::format::Secret>(bytes_of(value));
}

std::vector<std::string> texts_of(nb::handle value) {
    return nb::cast<std::vector<std::string>>(value);
}

/// [(name, dimension, begin, end), ...]
std::vector<tz::Slice> slices_of(nb::handle value) {
    std::vector<tz::Slice> slices;
    for (const nb::handle each : value) {
        const auto parts = nb::cast<nb::tuple>(each);
        slices.push_back(
            {text_of(parts[0]),
             nb::cast<std::size_t>(parts[1]),
             nb::cast<std::uint64_t>(parts[2]),
             nb::cast<std::uint64_t>(parts[3])});
    }
    return slices;
}

/// Called with a name; the interpreter is taken for the call alone.
std::function<bool(const tz::format::Tensor&)> filter_of(nb::handle value) {
    auto filter = nb::cast<nb::object>(value);
    auto shared =
        std::shared_ptr<nb::object>(new nb::object(std::move(filter)), [](nb::object* object) {
            const nb::gil_scoped_acquire interpreter;
            delete object;
        });
    return [shared](const tz::format::Tensor& tensor) {
        const nb::gil_scoped_acquire interpreter;
        return nb::cast<bool>(nb::bool_((*shared)(tz::format::key_name(tensor.name))));
    };
}

/// (number, stream)
ToDevice device_of(nb::handle value) {
    const auto parts = nb::cast<nb::tuple>(value);
    return {nb::cast<int>(parts[0]), nb::cast<std::uintptr_t>(parts[1])};
}

std::chrono::nanoseconds seconds_of(nb::handle value) {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(
        std::chrono::duration<double>(nb::cast<double>(value)));
}

void set_network(tz::NetworkOptions& network, nb::handle value) {
    for (const auto& [name, setting] : nb::cast<nb::dict>(value))
        tz::set_network_option(network, text_of(name), text_of(setting));
}

using Set = void (*)(Arguments& arguments, nb::handle value);

const std::map<std::string_view, Set> load_keywords{
    {"deadline", [](Arguments& to, nb::handle v) { to.options.deadline = seconds_of(v); }},
    {"device", [](Arguments& to, nb::handle v) { to.device = device_of(v); }},
    {"digests", [](Arguments& to, nb::handle v) { to.options.digests = nb::cast<bool>(v); }},
    {"direct_io",
     [](Arguments& to, nb::handle v) {
         to.direct = one_of<tz::Direct>(
             v,
             "direct_io",
             {{"auto", tz::Direct::automatic}, {"on", tz::Direct::on}, {"off", tz::Direct::off}});
     }},
    {"exclude", [](Arguments& to, nb::handle v) { to.options.selection.exclude = texts_of(v); }},
    {"headers", [](Arguments& to, nb::handle v) { to.options.keep_headers = nb::cast<bool>(v); }},
    {"headers_only",
     [](Arguments& to, nb::handle v) {
         to.options.keep_headers = to.options.headers_only = nb::cast<bool>(v);
     }},
    {"include", [](Arguments& to, nb::handle v) { to.options.selection.include = texts_of(v); }},
    {"key",
     [](Arguments& to, nb::handle v) {
         to.options.key = std::make_shared<tz::format::Secret>(tz::format::parse_key(bytes_of(v)));
     }},
    {"kdf_max_memory",
     [](Arguments& to, nb::handle v) {
         to.options.derivation_max.memory_bytes = nb::cast<std::uint64_t>(v);
     }},
    {"kdf_max_passes",
     [](Arguments& to, nb::handle v) { to.options.derivation_max.passes = nb::cast<unsigned>(v); }},
    {"memory",
     [](Arguments& to, nb::handle v) {
         to.options.memory = one_of<tz::Memory>(
             v,
             "memory",
             {{"owned", tz::Memory::owned},
              {"mapped", tz::Memory::mapped},
              {"auto", tz::Memory::automatic},
              {"none", tz::Memory::none}});
     }},
    {"names", [](Arguments& to, nb::handle v) { to.options.selection.names = texts_of(v); }},
    {"network", [](Arguments& to, nb::handle v) { set_network(to.network, v); }},
    {"password", [](Arguments& to, nb::handle v) { to.options.password = secret_of(v); }},
    {"progress", [](Arguments& to, nb::handle v) { to.progress = nb::borrow(v); }},
    {"require", [](Arguments& to, nb::handle v) { to.require = text_of(v); }},
    {"slices", [](Arguments& to, nb::handle v) { to.options.selection.slices = slices_of(v); }},
    {"subject", [](Arguments& to, nb::handle v) { to.subject = text_of(v); }},
    {"timeline",
     [](Arguments& to, nb::handle v) { to.timeline = nb::cast<std::shared_ptr<Timeline>>(v); }},
    {"verify",
     [](Arguments& to, nb::handle v) {
         to.options.verify = one_of<tz::Verify>(
             v,
             "verify",
             {{"auto", tz::Verify::automatic},
              {"none", tz::Verify::none},
              {"crc32", tz::Verify::crc32},
              {"sha256", tz::Verify::sha256},
              {"all", tz::Verify::all}});
     }},
    {"wanted", [](Arguments& to, nb::handle v) { to.options.selection.wanted = filter_of(v); }},
};

} // namespace

Arguments parse_arguments(const nb::list& addresses, const nb::dict& keywords) {
    Arguments arguments;
    for (const nb::handle address : addresses)
        arguments.addresses.push_back(text_of(address));
    for (const auto& [name, value] : keywords) {
        const auto keyword = load_keywords.find(text_of(name));
        if (keyword == load_keywords.end())
            throw nb::type_error(("unexpected keyword '" + text_of(name) + "'").c_str());
        if (!value.is_none())
            keyword->second(arguments, value);
    }
    return arguments;
}

Places places_of(const nb::dict& into) {
    Places places;
    for (const auto& [name, place] : into) {
        const auto parts = nb::cast<nb::tuple>(place);
        auto* const data = reinterpret_cast<std::byte*>(nb::cast<std::uintptr_t>(parts[0]));
        places[nb::cast<std::string>(name)] = {data, nb::cast<std::size_t>(parts[1])};
    }
    return places;
}

tz::EngineOptions parse_engine_options(const nb::dict& keywords) {
    tz::EngineOptions options;
    for (const auto& [key, value] : keywords) {
        const std::string name = text_of(key);
        if (value.is_none())
            continue;
        if (name == "io")
            options.io = one_of<tz::Io>(
                value,
                "io",
                {{"auto", tz::Io::automatic},
                 {"uring", tz::Io::uring},
                 {"threads", tz::Io::threads}});
        else if (name == "concurrency")
            options.concurrency = nb::cast<unsigned>(value);
        else if (name == "chunk_size")
            options.chunk_bytes = nb::cast<std::size_t>(value);
        else if (name == "memory_limit")
            options.memory_limit = nb::cast<std::size_t>(value);
        else if (name == "workers")
            options.workers = nb::cast<unsigned>(value);
        else
            throw nb::type_error(("unexpected keyword '" + name + "'").c_str());
    }
    return options;
}

} // namespace tzio
