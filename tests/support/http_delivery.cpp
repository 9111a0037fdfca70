#include "http_delivery.hpp"

#include <algorithm>

namespace tz::test {

namespace {

using Kind = FaultKind;
using std::chrono::milliseconds;
using Faults = std::vector<Fault>;

constexpr std::size_t block_bytes = 256 << 10;

bool pause(Wire& wire, const Fault& fault) {
    return wire.pause(fault.time.count() > 0 ? std::optional(fault.time) : std::nullopt);
}

std::uint64_t step_of(const Fault& fault) {
    return std::max<std::uint64_t>(static_cast<std::uint64_t>(fault.amount), 1);
}

bool send_endless(Wire& wire, const std::string& head) {
    const std::string field = "x-endless: " + std::string(1000, 'e') + "\r\n";
    bool going = wire.write(std::string_view(head).substr(0, head.size() - 2));
    while (going)
        going = wire.write(field);
    return false;
}

bool send_head(Wire& wire, const std::string& head, const Faults& faults) {
    if (find(faults, Kind::endless_head) != nullptr)
        return send_endless(wire, head);
    if (const Fault* cut = find(faults, Kind::cut_head)) {
        wire.write(std::string_view(head).substr(0, cut->at));
        wire.close(Wire::Close::properly);
        return false;
    }
    const Fault* drip = find(faults, Kind::drip_head);
    if (drip == nullptr)
        return wire.write(head);
    for (std::size_t at = 0; at < head.size(); at += step_of(*drip))
        if (!wire.write(std::string_view(head).substr(at, step_of(*drip))) ||
            !wire.pause(drip->time))
            return false;
    return true;
}

/// Where a body stops, and how.
struct Ending {
    std::uint64_t at = 0;
    std::optional<Wire::Close> close{}; ///< none: the connection is kept
};

Ending ending(std::uint64_t bytes, const Faults& faults) {
    Ending end{bytes, {}};
    for (const Fault& fault : faults) {
        std::optional<Wire::Close> how;
        if (fault.kind == Kind::close_after)
            how = Wire::Close::properly;
        else if (fault.kind == Kind::truncate_after)
            how = Wire::Close::truncated;
        else if (fault.kind == Kind::reset_after)
            how = Wire::Close::reset;
        if (how && (!end.close || fault.at < end.at))
            end = {std::min(fault.at, bytes), how};
    }
    return end;
}

/// Sends a body up to where it ends.
class BodySender {
public:
    BodySender(Wire& wire, const Body& body, std::uint64_t end, const Faults& faults)
        : wire_(wire),
          body_(body),
          end_(end),
          faults_(faults),
          stall_(find(faults, Kind::stall_after)),
          drip_(find(faults, Kind::drip)),
          single_(find(faults, Kind::single_bytes)) {}

    bool send() {
        std::vector<std::byte> block(std::min<std::uint64_t>(block_bytes, end_));
        for (std::uint64_t at = 0; at < end_;) {
            if (stall_ != nullptr && stall_->at == at && !pause(wire_, *stall_))
                return false;
            const auto part = std::span(block).first(std::min(step(at), block.size()));
            body_.read(at, part);
            for (const Fault& fault : faults_)
                if (fault.kind == Kind::flip && fault.at >= at && fault.at - at < part.size())
                    part[fault.at - at] ^= std::byte{0x10};
            if (!wire_.write(part))
                return false;
            if (dripping(at) && !wire_.pause(drip_->time))
                return false;
            at += part.size();
        }
        return stall_ == nullptr || stall_->at < end_ || pause(wire_, *stall_);
    }

private:
    bool dripping(std::uint64_t at) const { return drip_ != nullptr && at >= drip_->at; }

    std::size_t step(std::uint64_t at) const {
        if (single_ != nullptr && (single_->amount == 0 || at < step_of(*single_)))
            return 1;
        std::uint64_t bytes = end_ - at;
        if (stall_ != nullptr && at < stall_->at)
            bytes = std::min(bytes, stall_->at - at);
        if (dripping(at))
            bytes = std::min(bytes, step_of(*drip_));
        else if (drip_ != nullptr)
            bytes = std::min(bytes, drip_->at - at);
        return bytes;
    }

    Wire& wire_;
    const Body& body_;
    const std::uint64_t end_;
    const Faults& faults_;
    const Fault* const stall_;
    const Fault* const drip_;
    const Fault* const single_;
};

} // namespace

bool deliver(Wire& wire, const Reply& reply, const Faults& faults) {
    if (const Fault* fault = find(faults, Kind::no_answer); fault && !pause(wire, *fault))
        return false;
    if (find(faults, Kind::close_unanswered) != nullptr) {
        wire.close(Wire::Close::properly);
        return false;
    }
    if (find(faults, Kind::reset_unanswered) != nullptr) {
        wire.close(Wire::Close::reset);
        return false;
    }
    if (find(faults, Kind::renegotiate) != nullptr && !wire.renegotiate())
        return false;
    if (!send_head(wire, reply.head, faults))
        return false;
    const Ending end = ending(reply.body.size(), faults);
    if (!BodySender(wire, reply.body, end.at, faults).send())
        return false;
    if (end.close)
        wire.close(*end.close);
    return !end.close;
}

} // namespace tz::test
