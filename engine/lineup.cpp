#include <tz/engine/lineup.hpp>

#include <algorithm>
#include <utility>

namespace tz {

namespace {

// What a host's lanes start with; and what each of them reads is little.
constexpr std::size_t side_by_side_max = 16;

/// `members` of each loop.
void start(Crew& crew, Engine::State& engine, std::vector<std::vector<awaitable<void>>> members) {
    for (std::size_t i = 0; i < members.size(); ++i)
        if (!members[i].empty())
            crew.start(*engine.loops[i], std::move(members[i]));
}

} // namespace

Lineup::Lineup(
    Engine::State& engine, const Hosts& hosts, Hosts::Sources sources, unsigned file_lanes)
    : engine_(engine),
      hosts_(hosts),
      sources_(sources),
      file_lanes_(file_lanes) {
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
    ask_hosts();
}

void Lineup::ask_hosts() {
    preferences_.clear();
    unsigned loops = 1;
    for (const auto& queue : queues_) {
        Preference& preference =
            preferences_.emplace_back(sources_[queue.front()->sources.front()]->preference());
        if (queue.front()->name.empty()) {
            preference.lanes = std::max(preference.lanes, file_lanes_);
            preference.lanes_max = std::max(preference.lanes_max, preference.lanes);
        }
        loops = std::max(loops, preferences_.back().loops);
    }
    engine_.want_loops(loops);
    width_ = choose_width(engine_.geometry, engine_.asked, preferences_);
    chunk_bytes_ = width_ * engine_.geometry.chunk_bytes;
    for (const auto& loop : engine_.loops)
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
    if (!fixed) {
        const std::uint64_t fit = staging_max_ / lane_bytes();
        lanes = static_cast<unsigned>(std::clamp<std::uint64_t>(fit, lanes_least(), lanes));
    }
    shares_ = deal_lanes(preferences_, lanes, fixed);
    // what an earlier load with more lanes left behind; this one may need the memory elsewhere
    engine_.arena->release_from(std::size_t{lanes_max()} * width_);
}

std::uint64_t Lineup::lane_bytes() const {
    return std::uint64_t{width_} * engine_.geometry.buffer_bytes;
}

unsigned Lineup::lanes_least() const {
    return engine_.asked.concurrency != 0 ? engine_.geometry.lanes
                                          : static_cast<unsigned>(queues_.size());
}

std::uint64_t Lineup::staging_least() const {
    const std::uint64_t least = lanes_least() * lane_bytes();
    return least - std::min<std::uint64_t>(least, engine_.arena->touched_bytes());
}

void Lineup::limit_staging(std::uint64_t bytes) {
    if (!__builtin_add_overflow(bytes, engine_.arena->touched_bytes(), &staging_max_))
        return;
    staging_max_ = UINT64_MAX;
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
    const std::uint64_t staging = lanes_max() * lane_bytes();
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
    start(crew, engine_, std::move(members));
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

void Lineup::add_to(LoadStats& stats) const {
    hosts_.add_to(stats);
    stats.io = engine_.io;
    stats.loops = loops();
    stats.workers = engine_.options.workers;
    stats.lanes = lanes_most_;
    stats.chunk_bytes = chunk_bytes_;
    stats.cpu_seconds = process_cpu_seconds() - cpu_;
    stats.loop_cpu_seconds = engine_.loop_cpu_seconds() - loop_cpu_;
    stats.seconds = std::chrono::duration<double>(JobTimes::Clock::now() - began_).count();
}

void run_to_end(Engine::State& engine, const std::function<awaitable<void>(Loop& loop)>& make) {
    Loop& loop = *engine.loops.front();
    std::vector<awaitable<void>> members;
    members.push_back(make(loop));
    Crew crew;
    crew.start(loop, std::move(members));
    crew.wait(std::chrono::milliseconds(100), {});
}

void run_side_by_side(
    Engine::State& engine,
    unsigned loops,
    std::size_t sources,
    Supervision& supervision,
    const std::function<awaitable<void>(Loop& loop)>& make) {
    const std::size_t lanes = engine.asked.concurrency ? engine.geometry.lanes : side_by_side_max;
    std::vector<std::vector<awaitable<void>>> members(loops);
    for (std::size_t i = 0; i < std::min(sources, lanes); ++i)
        members[i % loops].push_back(make(*engine.loops[i % loops]));
    Crew crew;
    start(crew, engine, std::move(members));
    supervision.wait(crew, [] { return Progress{}; });
}

} // namespace tz
