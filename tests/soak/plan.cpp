#include "plan.hpp"

#include <array>
#include <cerrno>
#include <random>
#include <stdexcept>

namespace tz::soak {

namespace {

using Kind = test::FaultKind;
using std::chrono::milliseconds;
using test::Fault;
using test::FaultGroup;

/// The standard fixes what the engine gives, but not what its distributions do.
class Lots {
public:
    Lots(std::uint64_t seed, std::uint64_t number)
        : engine_((seed ^ 0x9e3779b97f4a7c15) * 0xbf58476d1ce4e5b9 + number) {
        engine_.discard(4);
    }

    std::uint64_t below(std::uint64_t limit) { return engine_() % limit; }

    bool percent(unsigned chance) { return below(100) < chance; }

    template <typename Value, std::size_t count>
    Value one_of(const Value (&values)[count]) {
        return values[below(count)];
    }

    std::uint64_t seed() { return engine_(); }

private:
    std::mt19937_64 engine_;
};

bool has_server(const Plan& plan) {
    return plan.road == Road::http || plan.road == Road::s3 ||
           (plan.road == Road::save && plan.saving >= Saving::convert_to_s3);
}

Verify draw_verify(Lots& lots, Content content) {
    switch (content) {
    case Content::hashed:
        return lots.one_of(
            {Verify::automatic, Verify::none, Verify::crc32, Verify::sha256, Verify::all});
    case Content::packed:
        return lots.one_of({Verify::automatic, Verify::none, Verify::crc32, Verify::all});
    case Content::sealed:
    case Content::gathered:
        return lots.one_of({Verify::automatic, Verify::none, Verify::sha256, Verify::all});
    default:
        return lots.one_of({Verify::automatic, Verify::none});
    }
}

void draw_way(Lots& lots, Plan& plan) {
    plan.content = static_cast<Content>(lots.below(contents));
    plan.shape = lots.below(shapes);
    plan.place = lots.one_of(
        {Place::owned, Place::owned, Place::given, Place::none, Place::mapped, Place::device});
    if (plan.place == Place::mapped && plan.road != Road::file)
        plan.place = Place::owned;
    plan.io = lots.one_of({Io::automatic, Io::threads});
    plan.direct = lots.one_of({Direct::automatic, Direct::on, Direct::off});
    plan.cache = static_cast<unsigned>(lots.below(4));
    plan.loops = 1 + static_cast<unsigned>(lots.below(3));
    plan.workers = 1 + static_cast<unsigned>(lots.below(3));
    plan.concurrency = lots.one_of({0u, 1u, 3u, 8u});
    if (plan.concurrency != 0 && plan.concurrency < plan.loops)
        plan.loops = 1;
    plan.chunk_bytes = lots.one_of({64u << 10, 128u << 10, 512u << 10});
    plan.verify = draw_verify(lots, plan.content);
    plan.digests = lots.percent(20);
}

ReadFault draw_read_fault(Lots& lots) {
    ReadFault fault;
    fault.first = fault.last = lots.below(24);
    switch (lots.below(4)) {
    case 0: // fewer in a row than a load puts up with
        fault.error = lots.one_of({EINTR, EAGAIN});
        fault.last += lots.below(20);
        break;
    case 1:
        fault.error = lots.one_of({EIO, ESTALE, EIO});
        break;
    default:
        fault.bytes_max = 1 + lots.below(50'000);
        fault.last += lots.below(6);
        break;
    }
    return fault;
}

constexpr std::array device_calls = {
    std::string_view("cudaMalloc"),
    std::string_view("cudaMemcpyAsync"),
    std::string_view("cudaEventRecord"),
    std::string_view("cudaEventQuery"),
    std::string_view("cudaSetDevice"),
    std::string_view("cudaStreamCreateWithFlags"),
};

void draw_file_faults(Lots& lots, Plan& plan) {
    if (lots.percent(60))
        for (std::uint64_t i = lots.below(4); i-- > 0;)
            plan.reads.push_back(draw_read_fault(lots));
    if (plan.place == Place::device && lots.percent(40))
        plan.device_fault = DeviceFault{
            device_calls[lots.below(device_calls.size())],
            1 + static_cast<unsigned>(lots.below(8))};
    if (plan.place == Place::mapped || !lots.percent(35))
        return; // a mapped file that is cut ends the process, as is said of it
    plan.change = static_cast<Change>(1 + lots.below(6));
    if (plan.change == Change::damaged && !verified(plan))
        plan.change = Change::cut;
    plan.change_at = plan.change >= Change::cut_during ? lots.below(12) : lots.below(1'000'000);
}

/// One fault, in one request.
void draw_single(Lots& lots, Plan& plan, const test::FaultMix& mix) {
    plan.network = test::draw(lots.seed(), 1, mix);
    const std::uint64_t request = lots.below(6);
    for (test::Rule& rule : plan.network.rules)
        rule.first = rule.last = request;
}

void draw_upload_fault(Lots& lots, Plan& plan) {
    Fault fault{.kind = Kind::reset_in_request, .at = lots.below(60'000)};
    if (plan.quick_timeouts)
        fault.kind = Kind::stall_in_request;
    test::Rule rule{.method = "PUT"};
    rule.first = rule.last = lots.below(6);
    rule.faults.push_back(fault);
    plan.network.rules.push_back(rule);
}

void draw_network_faults(Lots& lots, Plan& plan) {
    test::FaultMix mix;
    mix.body_bytes = 64 << 10;
    mix.time_max = milliseconds(3);
    mix.wrong = plan.road != Road::save && lots.percent(50);
    mix.hanging = lots.percent(12);
    mix.changing = plan.road != Road::save && verified(plan) && lots.percent(25);
    mix.corrupting = plan.road != Road::save && verified(plan) && lots.percent(25);
    plan.quick_timeouts = mix.hanging > 0;
    plan.hedge = lots.percent(10);
    switch (lots.below(8)) {
    case 0:
        plan.quick_timeouts = false;
        break;
    case 1:
    case 2:
    case 3:
        mix.percent = 100;
        draw_single(lots, plan, mix);
        break;
    default:
        mix.percent = 5 + static_cast<unsigned>(lots.below(50));
        mix.connections = lots.percent(30) ? 3 : 0;
        plan.network = test::draw(lots.seed(), 40, mix);
        break;
    }
    if (plan.road == Road::save && lots.percent(40))
        draw_upload_fault(lots, plan);
    // Unverified, only what its ETag tells is another object.
    if (plan.road != Road::save && !verified(plan) && lots.percent(15)) {
        test::Rule rule;
        rule.first = rule.last = lots.below(5);
        rule.faults.push_back({.kind = lots.one_of({Kind::replace, Kind::resize, Kind::remove})});
        if (rule.faults.back().kind == Kind::resize)
            rule.faults.back().amount = 1 + static_cast<std::int64_t>(lots.below(1000));
        plan.network.rules.push_back(rule);
    }
}

void draw_saving(Lots& lots, Plan& plan) {
    plan.saving = static_cast<Saving>(lots.below(5));
    plan.place = Place::owned;
    plan.replaces = lots.percent(50);
    if (has_server(plan))
        return draw_network_faults(lots, plan);
    for (std::uint64_t i = lots.below(3); i-- > 0;) {
        FailingCall call;
        call.call = lots.one_of(
            {Call::write,
             Call::write,
             Call::write,
             Call::sync,
             Call::cut,
             Call::rename,
             Call::room});
        call.nth = lots.below(call.call == Call::write ? 30 : 2);
        call.error = lots.one_of({EIO, ENOSPC});
        if (call.call == Call::write && lots.percent(60)) {
            call.error = lots.percent(40) ? EINTR : 0;
            call.bytes_max = 1 + lots.below(20'000);
        }
        plan.writes.push_back(call);
    }
}

} // namespace

Plan draw_plan(std::uint64_t seed, std::uint64_t number, const Roads& roads) {
    Lots lots(seed, number);
    Plan plan;
    plan.seed = seed;
    plan.number = number;
    const std::uint64_t road = lots.seed();
    plan.road = roads.empty() ? static_cast<Road>(road % 4) : roads[road % roads.size()];
    draw_way(lots, plan);
    if (plan.road == Road::file)
        draw_file_faults(lots, plan);
    else if (plan.road == Road::save)
        draw_saving(lots, plan);
    else
        draw_network_faults(lots, plan);
    if (plan.road == Road::save && plan.saving < Saving::convert)
        return plan; // save() has neither
    if (lots.percent(8))
        plan.deadline = milliseconds(lots.below(30));
    if (lots.percent(8))
        plan.cancel_at = lots.below(12);
    return plan;
}

Road road_of(std::string_view name) {
    constexpr std::array<std::string_view, 4> names = {"file", "http", "s3", "save"};
    for (std::size_t i = 0; i < names.size(); ++i)
        if (names[i] == name)
            return static_cast<Road>(i);
    throw std::invalid_argument("no kind of schedule: " + std::string(name));
}

bool verified(const Plan& plan) {
    if (plan.content == Content::sealed || plan.content == Content::gathered)
        return true;
    return (plan.content == Content::hashed || plan.content == Content::packed) &&
           plan.verify != Verify::none && plan.place != Place::mapped;
}

std::uint64_t hash_of(std::string_view text, std::uint64_t hash) {
    for (const char c : text)
        hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
    return hash;
}

std::string to_string(const Plan& plan) {
    constexpr const char* roads[] = {"file", "http", "s3", "save"};
    constexpr const char* kinds[] = {
        "plain", "hashed", "packed", "sealed", "gathered", "safetensors"};
    constexpr const char* places[] = {"owned", "given", "none", "mapped", "device"};
    constexpr const char* savings[] = {
        "tensors", "safetensors", "convert", "convert_to_s3", "upload_to_s3"};
    constexpr const char* changes[] = {
        "none",
        "damaged",
        "cut",
        "cut_during",
        "rewritten_during",
        "replaced_during",
        "removed_during"};
    const auto number = [](const char* name, auto value) {
        return " " + std::string(name) + "=" + std::to_string(static_cast<std::uint64_t>(value));
    };
    std::string text = roads[static_cast<int>(plan.road)];
    if (plan.road == Road::save)
        text += std::string(" ") + savings[static_cast<int>(plan.saving)] +
                (plan.replaces ? " replacing" : "");
    text += std::string(" ") + kinds[static_cast<int>(plan.content)] + " to " +
            places[static_cast<int>(plan.place)];
    text += number("shape", plan.shape) + number("io", plan.io) + number("direct", plan.direct) +
            number("cache", plan.cache) + number("loops", plan.loops) +
            number("workers", plan.workers) + number("concurrency", plan.concurrency) +
            number("chunk", plan.chunk_bytes) + number("verify", plan.verify) +
            number("digests", plan.digests) + number("hedge", plan.hedge) +
            number("quick", plan.quick_timeouts);
    for (const ReadFault& fault : plan.reads)
        text += "; reads " + std::to_string(fault.first) + "-" + std::to_string(fault.last) +
                number("error", fault.error) + number("bytes_max", fault.bytes_max);
    if (plan.change != Change::none)
        text += std::string("; ") + changes[static_cast<int>(plan.change)] +
                number("at", plan.change_at);
    if (plan.device_fault)
        text += "; " + std::string(plan.device_fault->name) + number("nth", plan.device_fault->nth);
    for (const FailingCall& call : plan.writes)
        text += "; " + to_string(call);
    if (!plan.network.rules.empty() || !plan.network.connection_rules.empty())
        text += "; " + to_string(plan.network);
    if (plan.deadline)
        text += ";" + number("deadline_ms", plan.deadline->count());
    if (plan.cancel_at)
        text += ";" + number("cancel_at", *plan.cancel_at);
    return text;
}

} // namespace tz::soak
