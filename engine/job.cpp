#include <tz/engine/job.hpp>

#include <algorithm>

namespace tz {

awaitable<void> ScratchBudget::take(std::uint64_t bytes) {
    const std::uint64_t ticket = taken_.fetch_add(bytes) + bytes;
    if (ticket > bytes_)
        co_await freed_.reached(ticket - bytes_);
    const std::uint64_t used = ticket - std::min(ticket, given_back_.load());
    std::uint64_t peak = peak_;
    while (used > peak && !peak_.compare_exchange_weak(peak, used)) {
    }
}

void ScratchBudget::give_back(std::uint64_t bytes) {
    freed_.advance(given_back_.fetch_add(bytes) + bytes);
}

Job::Job(
    const Source& from,
    const format::Layout& what,
    const LoadOptions& how,
    const PlanOptions& plan_options,
    std::uint64_t scratch_bytes)
    : source(from),
      layout(what),
      options(how),
      plan(what, plan_options),
      keys(what, how),
      arrivals(what.tensors.size()),
      transform{layout, options, arrivals, plan_options.chunk_bytes},
      scratch(scratch_bytes) {
    for (std::size_t i = 0; i < arrivals.size(); ++i) {
        const auto& tensor = layout.tensors[i];
        const std::uint64_t data = options.headers_only ? 0 : tensor.data.bytes;
        arrivals[i].missing = tensor.header.bytes + data;
        bytes_total += data;
    }
    if (options.memory != Memory::owned || options.headers_only)
        return;
    host = lay_out(layout);
    memory = std::make_shared<HostMemory>(host.bytes);
    for (std::size_t i = 0; i < arrivals.size(); ++i) {
        const auto& tensor = layout.tensors[i];
        // meta tensors have no data; a byte of data may stand for an empty tensor
        if (tensor.data.bytes == tensor.bytes)
            arrivals[i].destination = memory->bytes().subspan(host.offsets[i], tensor.bytes);
    }
}

} // namespace tz
