// An environment, files, a clock and answers made up for a test; what was asked is noted.
#pragma once

#include <tz/format/error.hpp>
#include <tz/format/seal.hpp>
#include <tz/protocols/surroundings.hpp>

#include <nlohmann/json.hpp>

#include <fstream>
#include <map>
#include <string>
#include <vector>

namespace tz::test {

using Texts = std::map<std::string, std::string>;

struct MadeSurroundings {
    Texts variables{{"HOME", "/home/u"}};
    Texts files;
    std::vector<HttpCall> calls;
    std::chrono::system_clock::time_point time{std::chrono::seconds(1'800'000'000)};
    /// No answer unless a test has one.
    std::function<HttpAnswer(const HttpCall&)> answer = [](const HttpCall&) -> HttpAnswer {
        throw Error(errc::transport, "connection refused");
    };

    /// It is to outlive what is returned.
    Surroundings get() {
        const auto in = [](const Texts& texts, const std::string& name) {
            const auto found = texts.find(name);
            return found == texts.end() ? std::nullopt : std::optional(found->second);
        };
        return {
            [this, in](const std::string& name) { return in(variables, name); },
            [this, in](const std::string& path) { return in(files, path); },
            [this](const HttpCall& call) {
                calls.push_back(call);
                return answer(call);
            },
            [this] { return time; }};
    }
};

inline std::string text(const std::shared_ptr<const format::Secret>& secret) {
    if (!secret)
        return {};
    const auto bytes = secret->bytes();
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

inline std::shared_ptr<const format::Secret> secret(const std::string& text) {
    return std::make_shared<const format::Secret>(std::as_bytes(std::span(text)));
}

/// What botocore makes of things: see tests/data/make_aws_profiles.py.
inline nlohmann::json botocore_table(const char* name) {
    std::ifstream file(TZ_TEST_DATA "/aws_profiles.json");
    return nlohmann::json::parse(file).at(name);
}

inline std::string text_or_empty(const nlohmann::json& value) {
    return value.is_null() ? "" : value.get<std::string>();
}

/// Environment and files of one line of botocore's table.
inline void put_case(MadeSurroundings& made, const nlohmann::json& row) {
    for (const auto& [name, value] : row.at("environment").items())
        made.variables[name] = value;
    made.variables["AWS_EC2_METADATA_DISABLED"] = "true";
    for (const char* name : {"config", "credentials"})
        if (!row.at(name).is_null())
            made.files[std::string("/home/u/.aws/") + name] = row.at(name);
}

/// The error that `function` throws; fails the test without one.
template <typename Function>
Error error_of(Function function) {
    try {
        function();
    } catch (const Error& error) {
        return error;
    }
    return Error(errc::cancelled, "nothing was thrown");
}

} // namespace tz::test
