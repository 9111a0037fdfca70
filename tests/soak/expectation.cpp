// What a schedule may come to. Pure.
#include "plan.hpp"

#include <algorithm>
#include <array>
#include <cerrno>

namespace tz::soak {

namespace {

using Errors = std::set<errc>;
using Kind = test::FaultKind;
using test::Fault;

/// Where bytes of the file are not what they were.
const Errors of_damage{errc::integrity, errc::format, errc::auth, errc::unsupported, errc::limit};
const Errors of_change{
    errc::object_changed,
    errc::transport,
    errc::not_found,
    errc::integrity,
    errc::format,
    errc::auth,
    errc::unsupported,
    errc::limit};

Errors of_status(const Fault& fault) {
    if (fault.amount == 401 || fault.amount == 403)
        return {errc::denied};
    if (fault.amount == 404)
        return {errc::not_found, errc::object_changed};
    return {errc::transport};
}

/// What a load may end with that meets the fault once, if it doesn't get over it.
Errors of_fault(const Fault& fault) {
    switch (fault.kind) {
    case Kind::status:
        return of_status(fault);
    case Kind::s3_error:
        return {fault.text == "SlowDown" ? errc::transport : errc::denied};
    case Kind::expired_url:
        return {errc::denied};
    case Kind::region_redirect:
        return {errc::denied, errc::transport};
    case Kind::not_satisfiable:
    case Kind::not_satisfiable_bare:
        return {errc::transport, errc::object_changed, errc::format};
    case Kind::wrong_total:
        return {errc::transport, errc::object_changed, errc::format};
    case Kind::replace:
    case Kind::replace_inside:
    case Kind::resize:
    case Kind::remove:
    case Kind::weak_etag:
    case Kind::no_etag:
    case Kind::new_etag:
        return of_change;
    case Kind::flip:
        return of_damage;
    default:
        return {errc::transport};
    }
}

bool passes(Kind kind) {
    for (const auto group :
         {test::FaultGroup::harmless, test::FaultGroup::passing, test::FaultGroup::hanging})
        if (std::ranges::count(test::kinds_of(group), kind) > 0)
            return true;
    return kind == Kind::reset_in_request || kind == Kind::stall_in_request;
}

/// Whether this fault alone leaves a load or save right.
bool passes(const Plan& plan, const Fault& fault) {
    constexpr std::array passing = {408, 429, 500, 502, 503, 504};
    if (fault.retry_after == "3600" || fault.retry_after == "18446744073709551616")
        return false;
    if (fault.kind == Kind::status)
        return std::ranges::count(passing, fault.amount) > 0;
    if (fault.kind == Kind::s3_error)
        return fault.text == "SlowDown";
    if (fault.kind == Kind::ok_with_error && plan.road == Road::save)
        return false; // to who asks whether an object is there
    return passes(fault.kind);
}

void add_network(const Plan& plan, Expectation& expected) {
    const auto& rules = plan.network.rules;
    if (rules.empty() && plan.network.connection_rules.empty())
        return;
    const bool alone = rules.size() == 1 && plan.network.connection_rules.empty();
    if (alone && std::ranges::all_of(
                     rules.front().faults, [&](const Fault& fault) { return passes(plan, fault); }))
        return; // a second try is right
    expected.errors.insert(errc::transport);
    for (const test::Rule& rule : rules)
        for (const Fault& fault : rule.faults)
            expected.errors.merge(Errors(of_fault(fault)));
    if (plan.road != Road::save)
        return;
    // an upload that came whole although no answer did, found by its name; parts that came damaged
    expected.errors.insert({errc::usage, errc::integrity, errc::not_found});
}

void add_file(const Plan& plan, Expectation& expected) {
    for (const ReadFault& fault : plan.reads)
        if (fault.error == EIO || fault.error == ESTALE)
            expected.errors.insert(errc::io);
    if (plan.device_fault)
        expected.errors.insert({errc::device, errc::limit});
    switch (plan.change) {
    case Change::damaged:
        expected.errors.merge(Errors(of_damage));
        break;
    case Change::cut:
        expected.right = false;
        expected.errors.insert({errc::format, errc::limit});
        break;
    case Change::cut_during:
    case Change::rewritten_during:
        expected.errors.insert(errc::object_changed);
        break;
    default:
        break;
    }
}

void add_saving(const Plan& plan, Expectation& expected) {
    for (const FailingCall& call : plan.writes) {
        if (call.error == ENOSPC)
            expected.errors.insert(errc::limit);
        else if (call.error == EIO)
            expected.errors.insert(errc::io);
    }
}

} // namespace

Expectation expectation(const Plan& plan) {
    Expectation expected;
    add_network(plan, expected);
    add_file(plan, expected);
    add_saving(plan, expected);
    if (plan.deadline)
        expected.errors.insert(errc::deadline);
    if (plan.cancel_at)
        expected.errors.insert(errc::cancelled);
    return expected;
}

std::chrono::milliseconds late_after(const Plan& plan) {
    using namespace std::chrono_literals;
    return plan.deadline ? *plan.deadline + 2s : 30s;
}

} // namespace tz::soak
