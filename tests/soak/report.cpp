#include "report.hpp"

#include <tz/tests/support/held.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <stdexcept>

namespace tz::soak {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t breaks_max = 100; // that are kept; the first ones say most

std::string date() {
    const std::time_t now = std::time(nullptr);
    std::tm parts{};
    ::gmtime_r(&now, &parts);
    char text[32];
    std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
    return text;
}

Json json_of(const Holding& holding) {
    return {
        {"rss_bytes", holding.rss_bytes},
        {"descriptors", holding.descriptors},
        {"threads", holding.threads}};
}

Json json_of(const Tally& tally) {
    Json errors = Json::object();
    for (const auto& [kind, count] : tally.errors)
        errors[name_of(kind)] = count;
    Json json{{"runs", tally.runs}, {"right", tally.right}, {"met", tally.met}, {"errors", errors}};
    for (std::size_t i = 1; i < verdicts; ++i)
        json[name_of(static_cast<Verdict>(i))] = tally.verdicts_of[i];
    json["slowest_ms"] = tally.slowest.count();
    if (tally.hash != 0)
        json["schedules_hash"] = tally.hash;
    return json;
}

} // namespace

std::uint64_t Tally::broken() const {
    std::uint64_t sum = 0;
    for (std::size_t i = 1; i < verdicts; ++i)
        sum += verdicts_of[i];
    return sum;
}

Holding holding() {
    Holding now;
    std::ifstream statm("/proc/self/statm");
    std::uint64_t pages = 0;
    statm >> pages >> pages;
    now.rss_bytes = pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    const test::Held held = test::held();
    now.descriptors = held.descriptors;
    now.threads = held.threads;
    return now;
}

Report::Report(std::uint64_t seed) : seed_(seed), begin_(holding()) {}

Tally& Report::tally(const std::string& name) {
    Tally& tally = tallies_[name];
    tally.name = name;
    return tally;
}

void Report::add(
    Tally& tally,
    const Judgement& judgement,
    const Outcome& outcome,
    const std::string& replay,
    const std::string& description) {
    ++tally.runs;
    tally.right += !outcome.error && outcome.untyped.empty() && outcome.wrong.empty();
    if (outcome.error)
        ++tally.errors[*outcome.error];
    ++tally.verdicts_of[static_cast<std::size_t>(judgement.verdict)];
    tally.slowest = std::max(tally.slowest, outcome.took);
    if (judgement.verdict == Verdict::fine)
        return;
    add_break(
        std::string(name_of(judgement.verdict)) + ": " + judgement.reason + "\n    " + description +
        "\n    again: " + replay);
}

void Report::add_break(const std::string& text) {
    std::cerr << text << std::endl;
    if (breaks_.size() < breaks_max)
        breaks_.push_back(text);
}

void Report::judge_growth() {
    const std::string grown = growth(samples_);
    if (!grown.empty())
        add_break(grown);
}

bool Report::broken() const {
    return !breaks_.empty();
}

void Report::print() const {
    std::printf(
        "%-28s %8s %8s %8s %8s %10s %6s %6s %10s\n",
        "",
        "runs",
        "right",
        "errors",
        "wrong",
        "unexpected",
        "late",
        "left",
        "slowest");
    for (const auto& [name, tally] : tallies_) {
        std::uint64_t errors = 0;
        for (const auto& [kind, count] : tally.errors)
            errors += count;
        const auto& of = tally.verdicts_of;
        const auto count = [&](Verdict verdict) {
            return static_cast<unsigned long long>(of[static_cast<std::size_t>(verdict)]);
        };
        std::printf(
            "%-28s %8llu %8llu %8llu %8llu %10llu %6llu %6llu %7lld ms\n",
            name.c_str(),
            static_cast<unsigned long long>(tally.runs),
            static_cast<unsigned long long>(tally.right),
            static_cast<unsigned long long>(errors),
            count(Verdict::wrong),
            count(Verdict::unexpected),
            count(Verdict::late),
            count(Verdict::left),
            static_cast<long long>(tally.slowest.count()));
        if (tally.hash != 0)
            std::printf("    schedules: %016llx\n", static_cast<unsigned long long>(tally.hash));
    }
    const Holding end = holding();
    std::printf(
        "memory %llu -> %llu MiB, descriptors %llu -> %llu, threads %llu -> %llu; seed %llu\n",
        static_cast<unsigned long long>(begin_.rss_bytes >> 20),
        static_cast<unsigned long long>(end.rss_bytes >> 20),
        static_cast<unsigned long long>(begin_.descriptors),
        static_cast<unsigned long long>(end.descriptors),
        static_cast<unsigned long long>(begin_.threads),
        static_cast<unsigned long long>(end.threads),
        static_cast<unsigned long long>(seed_));
}

void Report::write(const std::string& path) const {
    Json json{{"schema", "tz.soak.1"}, {"date", date()}, {"seed", seed_}};
    std::uint64_t count = 0, met = 0, faults = 0, wrong = 0, late = 0;
    std::int64_t slowest = 0;
    Json runs = Json::object();
    for (const auto& [name, tally] : tallies_) {
        runs[name] = json_of(tally);
        count += tally.runs;
        met += tally.met;
        faults += tally.runs - tally.verdicts_of[static_cast<std::size_t>(Verdict::fine)];
        wrong += tally.verdicts_of[static_cast<std::size_t>(Verdict::wrong)];
        late += tally.verdicts_of[static_cast<std::size_t>(Verdict::late)];
        slowest = std::max<std::int64_t>(slowest, tally.slowest.count());
    }
    using Minutes = std::chrono::duration<double, std::ratio<60>>;
    json["minutes"] = Minutes(std::chrono::steady_clock::now() - began_).count();
    json["count"] = count;
    json["met"] = met;
    json["faults"] = faults; // of any kind, these two among them
    json["wrong"] = wrong;
    json["late"] = late;
    json["slowest_ms"] = slowest;
    json["broken"] = broken();
    json["begin"] = json_of(begin_);
    json["end"] = json_of(holding());
    json["samples"] = samples_.size();
    if (!samples_.empty()) { // what is compared
        json["early"] = json_of(median(samples_, 1));
        json["late_on"] = json_of(median(samples_, 4));
    }
    json["runs"] = runs;
    json["breaks"] = breaks_;
    const std::filesystem::path to(path);
    if (to.has_parent_path())
        std::filesystem::create_directories(to.parent_path());
    std::ofstream file(to);
    file << json.dump(2, ' ', false, Json::error_handler_t::replace) << '\n';
    if (!file.flush())
        throw std::runtime_error("can't write " + path);
}

} // namespace tz::soak
