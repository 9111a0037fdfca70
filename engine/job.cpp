#include <tz/engine/job.hpp>
#include <tz/format/error.hpp>
#include <tz/format/name.hpp>

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

namespace tz {

namespace {

/// Where the item stands in the file's mapping; empty where it can't be handed out as it is.
std::span<std::byte> mapped_home(const Item& item, const JobFile& file) {
    if (!file.mapping || !maps_in_place(item))
        return {};
    return file.mapping->bytes().subspan(item.read.offset, item.read.bytes);
}

[[noreturn]] void wrong_size(const Item& item, std::size_t given) {
    throw Error(
        errc::usage,
        format::tensor_label(item.tensor->name) + " takes " + std::to_string(item.bytes) +
            " bytes and the memory given for it has " + std::to_string(given));
}

} // namespace

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
    std::vector<JobFile> its_files,
    std::vector<Item> its_items,
    const LoadOptions& how,
    const PlanOptions& plan_options,
    std::span<const QueueOptions> queue_options,
    std::uint64_t scratch_bytes)
    : files(std::move(its_files)),
      items(std::move(its_items)),
      options(how),
      plan(items, plan_options),
      arrivals(items.size()),
      transform{items, options, arrivals, plan_options.chunk_bytes, plan_options.headers_only},
      scratch(scratch_bytes),
      meter(options.trace) {
    for (const QueueOptions& queue : queue_options)
        queues.push_back(std::make_unique<Queue>(plan.chunks(), queue));
    for (std::size_t i = 0; i < items.size(); ++i) {
        const std::uint64_t data = plan_options.headers_only ? 0 : read_bytes(items[i]);
        arrivals[i].missing = items[i].tensor->header.bytes + data;
        bytes_total += data;
    }
}

void Job::settle(const std::function<std::span<std::byte>(const Item&)>& destination) {
    homes.resize(items.size());
    if (options.memory == Memory::none)
        return;
    if (options.memory == Memory::given) {
        for (std::size_t i = 0; i < items.size(); ++i) {
            homes[i] = destination(items[i]);
            if (homes[i].size() != items[i].bytes)
                wrong_size(items[i], homes[i].size());
            if (items[i].tensor->meta() && !homes[i].empty())
                std::memset(homes[i].data(), 0, homes[i].size());
        }
    } else {
        const auto owned = [this](const Item& item) {
            return mapped_home(item, files[item.source]).empty();
        };
        const HostLayout host = lay_out(items, owned);
        memory = std::make_shared<HostMemory>(host.bytes);
        for (std::size_t i = 0; i < items.size(); ++i) {
            homes[i] = mapped_home(items[i], files[items[i].source]);
            mapped_bytes += homes[i].size();
            if (homes[i].empty())
                homes[i] = memory->bytes().subspan(host.offsets[i], items[i].bytes);
        }
    }
    for (std::size_t i = 0; i < items.size(); ++i) // a byte of data may stand for an empty tensor
        if (!items[i].tensor->meta() && items[i].bytes > 0)
            arrivals[i].destination = homes[i];
}

std::uint64_t Job::gap_bytes() const {
    std::uint64_t bytes = plan.gap_bytes();
    for (const Item& item : items)
        if (item.slice && !transform.headers_only)
            bytes += read_bytes(item) - std::min(read_bytes(item), item.runs.total());
    return bytes;
}

bool Job::is_mapped(std::size_t item) const {
    return !mapped_home(items[item], files[items[item].source]).empty();
}

} // namespace tz
