#include <tz/tests/support/fault_schedule.hpp>

#include <algorithm>
#include <array>
#include <random>
#include <string_view>
#include <utility>

namespace tz::test {

namespace {

using Kind = FaultKind;

/// The standard fixes what the engine gives, but not what its distributions do.
class Lots {
public:
    explicit Lots(std::uint64_t seed) : engine_(seed) {}

    std::uint64_t below(std::uint64_t limit) { return limit == 0 ? 0 : engine_() % limit; }

    template <typename List>
    auto one_of(const List& list) {
        return list[below(std::size(list))];
    }

    bool percent(unsigned chance) { return below(100) < chance; }

private:
    std::mt19937_64 engine_;
};

FaultGroup group(Lots& lots, const FaultMix& mix) {
    const std::pair<FaultGroup, unsigned> weights[] = {
        {FaultGroup::harmless, mix.harmless},
        {FaultGroup::passing, mix.passing},
        {FaultGroup::wrong, mix.wrong},
        {FaultGroup::changing, mix.changing},
        {FaultGroup::corrupting, mix.corrupting},
        {FaultGroup::hanging, mix.hanging},
    };
    std::uint64_t sum = 0;
    for (const auto& [group, weight] : weights)
        sum += weight;
    std::uint64_t drawn = lots.below(sum);
    for (const auto& [group, weight] : weights) {
        if (drawn < weight)
            return group;
        drawn -= weight;
    }
    return FaultGroup::harmless;
}

// Statuses and codes, by whether another try helps.
void draw_status(Lots& lots, FaultGroup group, Fault& fault) {
    constexpr std::array passing = {408, 429, 500, 502, 503, 504};
    constexpr std::array wrong = {400, 401, 403, 404, 418};
    constexpr std::array<std::string_view, 5> soon = {
        "", "0", "-1", "soon", "Thu, 01 Jan 1970 00:00:00 GMT"};
    constexpr std::array<std::string_view, 2> late = {"3600", "18446744073709551616"};
    constexpr std::array<std::string_view, 2> denials = {"AccessDenied", "SignatureDoesNotMatch"};
    const bool passes = group == FaultGroup::passing;
    if (fault.kind == Kind::status) {
        const bool never = !passes && lots.percent(30);
        fault.amount = never ? 503 : passes ? lots.one_of(passing) : lots.one_of(wrong);
        fault.retry_after = never ? lots.one_of(late) : passes ? lots.one_of(soon) : "";
    } else if (fault.kind == Kind::s3_error) {
        fault.amount = passes ? 503 : 403;
        fault.text = passes ? "SlowDown" : lots.one_of(denials);
    } else if (fault.kind == Kind::ok_with_error) {
        fault.text = "InternalError";
    } else if (fault.kind == Kind::region_redirect) {
        fault.amount = 301;
        fault.text = "eu-central-1";
    }
}

void draw_amounts(Lots& lots, const FaultMix& mix, Fault& fault) {
    const auto time = [&] {
        const auto most = static_cast<std::uint64_t>(mix.time_max.count());
        return std::chrono::milliseconds(1 + lots.below(most));
    };
    const auto some = [&](std::uint64_t most) {
        return static_cast<std::int64_t>(1 + lots.below(most));
    };
    switch (fault.kind) {
    case Kind::drip: // some twenty pauses
        fault.at = lots.below(mix.body_bytes);
        fault.amount = static_cast<std::int64_t>(mix.body_bytes / 20 + 1);
        fault.time = time();
        break;
    case Kind::drip_head:
        fault.amount = 40;
        fault.time = time();
        break;
    case Kind::skewed_date:
        fault.amount = 1200;
        break;
    case Kind::cut_head:
        fault.at = lots.below(100);
        break;
    case Kind::single_bytes:
    case Kind::shorter_range:
    case Kind::longer_range:
    case Kind::other_range:
    case Kind::short_body:
    case Kind::long_body:
    case Kind::wrong_start:
    case Kind::wrong_end:
    case Kind::wrong_total:
    case Kind::resize:
        fault.amount = some(std::min<std::uint64_t>(mix.body_bytes, 1000));
        break;
    case Kind::chunked:
    case Kind::chunked_trailers:
    case Kind::chunked_cut:
    case Kind::bad_chunk_size:
        fault.amount = some(mix.body_bytes);
        break;
    case Kind::no_answer:
    case Kind::stall_after:
        fault.time = time();
        [[fallthrough]];
    case Kind::close_after:
    case Kind::reset_after:
    case Kind::truncate_after:
    case Kind::replace_inside:
    case Kind::flip:
        fault.at = lots.below(mix.body_bytes);
        break;
    default:
        break;
    }
}

std::vector<Fault> draw_faults(Lots& lots, const FaultMix& mix) {
    const FaultGroup from = group(lots, mix);
    Fault fault;
    fault.kind = lots.one_of(kinds_of(from));
    draw_status(lots, from, fault);
    draw_amounts(lots, mix, fault);
    if (from == FaultGroup::hanging)
        fault.time = {};
    if (fault.kind == Kind::no_answer)
        fault.at = 0;
    std::vector<Fault> faults{fault};
    if (from == FaultGroup::changing && lots.percent(50))
        faults.push_back({.kind = Kind::ignore_if_match});
    return faults;
}

Kind draw_connection_kind(Lots& lots, const FaultMix& mix) {
    std::vector<Kind> kinds{Kind::drop, Kind::drop_reset};
    if (mix.tls)
        kinds.insert(kinds.end(), {Kind::plain_text, Kind::tls_alert, Kind::tls_cut_hello});
    if (mix.hanging > 0)
        kinds.push_back(Kind::mute);
    if (mix.hanging > 0 && mix.tls)
        kinds.push_back(Kind::tls_stall);
    return lots.one_of(kinds);
}

std::vector<Kind> wrong_kinds() {
    return {
        Kind::long_body,
        Kind::ignore_range,
        Kind::ok_with_content_range,
        Kind::wrong_start,
        Kind::wrong_end,
        Kind::wrong_total,
        Kind::unknown_total,
        Kind::no_content_range,
        Kind::other_range,
        Kind::shorter_range,
        Kind::longer_range,
        Kind::multipart,
        Kind::not_satisfiable,
        Kind::not_satisfiable_bare,
        Kind::no_accept_ranges,
        Kind::status,
        Kind::s3_error,
        Kind::expired_url,
        Kind::region_redirect,
        Kind::bad_chunk_size,
        Kind::http10_close,
        Kind::length_and_chunked,
        Kind::two_lengths,
        Kind::huge_length,
        Kind::huge_header,
        Kind::many_headers,
        Kind::endless_head,
        Kind::nul_in_head,
        Kind::folded_header,
        Kind::informational_flood,
        Kind::http09,
        Kind::gzip,
    };
}

std::vector<Kind> passing_kinds() {
    return {
        Kind::close_after,
        Kind::reset_after,
        Kind::truncate_after,
        Kind::cut_head,
        Kind::short_body,
        Kind::status,
        Kind::s3_error,
        Kind::ok_with_error,
        Kind::chunked_cut,
        Kind::close_at_next,
        Kind::close_unannounced,
        Kind::close_unanswered,
        Kind::reset_unanswered,
    };
}

std::vector<Kind> harmless_kinds() {
    return {
        Kind::stall_after,
        Kind::drip,
        Kind::drip_head,
        Kind::single_bytes,
        Kind::no_last_modified,
        Kind::skewed_date,
        Kind::chunked,
        Kind::chunked_trailers,
        Kind::continue_first,
        Kind::early_hints,
        Kind::connection_close,
        Kind::no_answer,
    };
}

} // namespace

std::vector<Kind> kinds_of(FaultGroup group) {
    switch (group) {
    case FaultGroup::harmless:
        return harmless_kinds();
    case FaultGroup::passing:
        return passing_kinds();
    case FaultGroup::wrong:
        return wrong_kinds();
    case FaultGroup::changing:
        return {
            Kind::replace,
            Kind::replace_inside,
            Kind::resize,
            Kind::remove,
            Kind::weak_etag,
            Kind::no_etag,
            Kind::new_etag,
        };
    case FaultGroup::corrupting:
        return {Kind::flip};
    case FaultGroup::hanging:
        return {Kind::stall_after, Kind::no_answer};
    }
    return {};
}

Schedule draw(std::uint64_t seed, std::uint64_t requests, const FaultMix& mix) {
    Lots lots(seed);
    Schedule schedule{seed, {}, {}};
    for (std::uint64_t i = 0; i < requests; ++i) {
        if (!lots.percent(mix.percent))
            continue;
        Rule rule;
        rule.path = mix.path;
        rule.first = rule.last = i;
        rule.faults = draw_faults(lots, mix);
        schedule.rules.push_back(std::move(rule));
    }
    for (std::uint64_t i = 0; i < mix.connections; ++i) {
        if (!lots.percent(mix.percent))
            continue;
        ConnectionRule rule;
        rule.first = rule.last = i;
        rule.fault.kind = draw_connection_kind(lots, mix);
        if (rule.fault.kind == Kind::tls_cut_hello)
            rule.fault.at = lots.below(60);
        schedule.connection_rules.push_back(rule);
    }
    return schedule;
}

std::string to_string(const Schedule& schedule) {
    std::string text = "seed " + std::to_string(schedule.seed);
    for (const Rule& rule : schedule.rules)
        text += "; " + to_string(rule);
    for (const ConnectionRule& rule : schedule.connection_rules)
        text += "; " + to_string(rule);
    return text;
}

} // namespace tz::test
