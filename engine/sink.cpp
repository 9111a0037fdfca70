#include <tz/engine/sink.hpp>

namespace tz {

awaitable<void> Sink::open(Loop& /*loop*/) {
    co_return;
}

unsigned Sink::workers_max(unsigned cores, bool /*computing*/) const {
    return cores;
}

awaitable<void> Sink::stage(Loop& /*loop*/, std::span<std::byte> /*memory*/) {
    co_return;
}

void Sink::take_header(std::uint32_t /*item*/, const format::TensorHeader& /*header*/) {}

bool Sink::opens_seals(std::uint64_t /*piece_bytes*/) const {
    return false;
}

awaitable<std::vector<bool>> Sink::open_sealed(Loop& /*loop*/, std::span<const SealedPart> parts) {
    co_return std::vector<bool>(parts.size());
}

awaitable<void> Sink::complete(Loop& /*loop*/, std::span<const std::uint32_t> /*items*/) {
    co_return;
}

bool Sink::restart(std::uint32_t /*item*/) {
    return false;
}

awaitable<void> Sink::close(Loop& /*loop*/) {
    co_return;
}

awaitable<void> Sink::abandon(Loop& /*loop*/, std::chrono::steady_clock::time_point /*until*/) {
    co_return;
}

} // namespace tz
