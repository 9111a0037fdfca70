#include <tz/engine/crew.hpp>
#include <tz/engine/hosts.hpp>

#include <algorithm>
#include <chrono>
#include <exception>
#include <new>
#include <utility>

namespace tz {

namespace {

awaitable<void> close(std::vector<std::unique_ptr<Reader>> readers) {
    readers.clear();
    co_return;
}

} // namespace

Hosts::Hosts(Sources sources) : sources_(sources) {
    for (std::uint32_t i = 0; i < sources.size(); ++i) {
        std::string name = sources[i]->host();
        const auto found = std::find_if(
            hosts_.begin(), hosts_.end(), [&name](const auto& host) { return host->name == name; });
        host_of_.push_back(static_cast<std::size_t>(found - hosts_.begin()));
        if (found == hosts_.end()) {
            hosts_.push_back(std::make_unique<Host>());
            hosts_.back()->name = std::move(name);
        }
        hosts_[host_of_.back()]->sources.push_back(i);
    }
}

Hosts::~Hosts() {
    try {
        while (!idle_.empty())
            close_some();
    } catch (const std::bad_alloc&) {
        idle_.clear(); // here, where nothing is under way any more
    } catch (...) {
        std::terminate();
    }
}

/// Those of one loop.
void Hosts::close_some() {
    Loop& loop = *idle_.back().loop;
    std::vector<std::unique_ptr<Reader>> readers;
    for (Idle& idle : idle_)
        if (idle.loop == &loop)
            readers.push_back(std::move(idle.reader));
    std::erase_if(idle_, [](const Idle& idle) { return idle.reader == nullptr; });
    Crew crew;
    std::vector<awaitable<void>> members;
    members.push_back(close(std::move(readers)));
    crew.start(loop, std::move(members));
    crew.wait(std::chrono::hours(1), {});
}

std::unique_ptr<Reader> Hosts::reader(std::uint32_t source, Loop& loop) {
    {
        const std::lock_guard lock(mutex_);
        for (auto idle = idle_.begin(); idle != idle_.end(); ++idle) {
            if (idle->loop != &loop || host_of_[idle->source] != host_of_[source])
                continue;
            if (idle->source != source && !idle->reader->retarget(*sources_[source]))
                continue;
            auto reader = std::move(idle->reader);
            idle_.erase(idle);
            return reader;
        }
    }
    return sources_[source]->reader(loop, of(source).read);
}

void Hosts::keep(std::unique_ptr<Reader> reader, std::uint32_t source, Loop& loop) {
    if (of(source).name.empty())
        return; // a file has no connection, and goes here and now
    const std::lock_guard lock(mutex_);
    idle_.push_back({std::move(reader), source, &loop});
}

void Hosts::add_to(LoadStats& stats) const {
    for (const auto& host : hosts_) {
        stats.read_bytes += host->read.bytes;
        stats.direct_bytes += host->read.direct_bytes;
        stats.retries += host->read.retries;
        stats.requests += host->read.requests;
        stats.connections += host->read.connections;
        stats.hedged += host->read.hedged;
        stats.hedges_won += host->read.hedges_won;
        stats.throttles += host->read.throttles;
        stats.refetched += host->read.refetched;
    }
}

std::uint64_t Hosts::cpu_nanoseconds() const {
    std::uint64_t sum = 0;
    for (const auto& host : hosts_)
        sum += host->read.cpu_nanoseconds;
    return sum;
}

} // namespace tz
