#include <tz/engine/lineup.hpp>

#include <algorithm>
#include <utility>

namespace tz {

Lineup::Lineup(Engine::State& engine, const Hosts& hosts, Hosts::Sources sources)
    : engine_(engine),
      sources_(sources) {
    const Geometry& geometry = engine.geometry;
    const unsigned lanes = engine.asked.concurrency ? geometry.lanes : geometry.buffers;
    queues_.resize(std::min<std::size_t>(hosts.all().size(), lanes));
    std::vector<const Host*> ordered;
    // files first, so that their lanes have the same buffers each time: the pinned ones
    for (const bool files : {true, false})
        for (const auto& host : hosts.all())
            if (host->name.empty() == files)
                ordered.push_back(host.get());
    for (std::size_t i = 0; i < ordered.size(); ++i)
        queues_[i % queues_.size()].push_back(ordered[i]);
    unsigned loops = 1;
    for (const auto& queue : queues_) {
        preferences_.push_back(queue.front()->preference);
        loops = std::max(loops, preferences_.back().loops);
    }
    engine.want_loops(loops);
    width_ = choose_width(geometry, engine.asked, preferences_);
    chunk_bytes_ = width_ * geometry.chunk_bytes;
    for (const auto& loop : engine.loops)
        loop->set_staging_width(width_);
    deal(true);
}

void Lineup::deal(bool needs_scratch) {
    const bool fixed = engine_.asked.concurrency != 0;
    unsigned lanes = fixed ? engine_.geometry.lanes : engine_.geometry.buffers / width_;
    if (needs_scratch && !fixed) {
        unsigned least = 0;
        for (const Preference& preference : preferences_)
            least += preference.lanes;
        lanes = std::min(lanes, std::max(least, lanes / 2));
    }
    shares_ = deal_lanes(preferences_, lanes, fixed);
    // what an earlier load with more lanes left behind; this one may need the memory elsewhere
    engine_.arena->release_from(lanes_max() * width_);
}

unsigned Lineup::lanes_max() const {
    unsigned lanes = 0;
    for (const LaneShare& share : shares_)
        lanes += share.lanes_max;
    return lanes;
}

std::vector<QueueOptions> Lineup::queues(unsigned spans) const {
    std::vector<QueueOptions> queues;
    for (std::size_t i = 0; i < queues_.size(); ++i) {
        QueueOptions& queue = queues.emplace_back();
        for (const Host* host : queues_[i])
            queue.sources.insert(queue.sources.end(), host->sources.begin(), host->sources.end());
        queue.lanes = shares_[i].lanes;
        queue.lanes_max = shares_[i].lanes_max;
        queue.spans = spans;
    }
    return queues;
}

std::uint64_t Lineup::scratch_bytes() const {
    const std::uint64_t staging =
        std::uint64_t{lanes_max()} * width_ * engine_.geometry.buffer_bytes;
    const std::uint64_t limit = engine_.asked.memory_limit;
    return limit - std::min(staging, limit);
}

unsigned Lineup::loops() const {
    if (engine_.asked.loops != 0)
        return engine_.geometry.loops;
    unsigned loops = 1;
    for (const Preference& preference : preferences_)
        loops = std::max(loops, preference.loops);
    return std::min(loops, static_cast<unsigned>(engine_.loops.size()));
}

Pacing Lineup::pacing_of(Queues queues) const {
    Pacing pacing;
    for (std::size_t i = 0; i < queues_.size() && engine_.asked.concurrency == 0; ++i) {
        const Host& host = *queues_[i].front();
        auto pacer = sources_[host.sources.front()]->pacer(shares_[i].lanes, shares_[i].lanes_max);
        if (pacer && queues_[i].size() == 1)
            pacing.add(std::move(pacer), *queues[i], host.read);
    }
    return pacing;
}

void Lineup::run(
    Queues queues,
    const MakeLane& make_lane,
    Crew& crew,
    Supervision& supervision,
    const std::function<Progress()>& progress,
    const std::function<void()>& tick) {
    std::vector<std::vector<awaitable<void>>> members(engine_.loops.size());
    unsigned index = 0;
    for (std::size_t i = 0; i < queues_.size(); ++i) {
        const unsigned wanted =
            engine_.asked.loops != 0 ? engine_.geometry.loops : preferences_[i].loops;
        const unsigned loops = std::clamp<unsigned>(wanted, 1, members.size());
        for (unsigned place = 0; place < shares_[i].lanes_max; ++place, ++index) {
            const std::size_t loop = place % loops;
            members[loop].push_back(make_lane(*engine_.loops[loop], Seat{index, i, place}));
        }
    }
    for (std::size_t i = 0; i < members.size(); ++i)
        if (!members[i].empty())
            crew.start(*engine_.loops[i], std::move(members[i]));
    Pacing pacing = pacing_of(queues);
    supervision.wait(crew, progress, [&] {
        pacing.tick(Pacing::Clock::now());
        tick();
    });
    unsigned lanes = 0;
    for (const auto& queue : queues)
        lanes += queue->wanted_most();
    lanes_most_ = std::max(lanes_most_, lanes);
}

} // namespace tz
