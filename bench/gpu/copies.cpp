// How fast pinned and pageable memory reaches the device, by the size of copies and the number of
// streams.
#include "probe.hpp"

namespace tz::probe {

namespace {

constexpr std::size_t ring_bytes = 256 << 20;

std::uint64_t moved_bytes() {
    return volume(8ull << 30);
}

/// Copies the ring over and over, `chunk` bytes at a time, without waiting in between.
void copy_ring(
    const HostBlock& from, const DeviceBlock& to, const Streams& streams, std::size_t chunk) {
    std::size_t n = 0;
    for (std::uint64_t done = 0; done < moved_bytes(); done += chunk, ++n)
        check(
            cudaMemcpyAsync(
                to.data() + done % to.size(),
                from.data() + done % from.size(),
                chunk,
                cudaMemcpyHostToDevice,
                streams[n]),
            "cudaMemcpyAsync");
    streams.synchronize();
}

void pinned_copies(const DeviceBlock& to) {
    const PinnedBlock ring(ring_bytes);
    table(
        "Pinned ring of 256 MiB to the device, GB/s (and CPU s/GB of enqueuing), 8 GiB, nothing "
        "waited for",
        {"copy of", "1 stream", "2", "4"});
    for (const std::size_t mib : {1, 2, 4, 8, 16, 64}) {
        std::vector<std::string> cells{fmt::format("{} MiB", mib)};
        for (const std::size_t count : {1, 2, 4}) {
            const Streams streams(count);
            const Rate rate =
                measure(3, moved_bytes(), [&] { copy_ring(ring, to, streams, mib << 20); });
            cells.push_back(fmt::format("{} ({})", text(rate.gb_per_s), text(rate.cpu_s_per_gb)));
        }
        row(cells);
    }
}

void pageable_copies(const DeviceBlock& to) {
    table("Pageable memory to the device", {"memory", "GB/s", "CPU s/GB"});
    for (const bool huge : {false, true}) {
        const HostBlock from(volume(1 << 30), huge);
        const Rate rate = measure(3, from.size(), [&] {
            check(
                cudaMemcpy(to.data(), from.data(), from.size(), cudaMemcpyHostToDevice),
                "cudaMemcpy");
        });
        row({huge ? "huge pages" : "4 KiB pages", text(rate.gb_per_s), text(rate.cpu_s_per_gb)});
    }
}

} // namespace

void ceiling() {
    const DeviceBlock to(volume(4ull << 30));
    const PinnedBlock ring(ring_bytes);
    const Streams streams(1);
    table("Pinned memory to the device, nothing else", {"copies of", "GB/s"});
    for (const std::size_t mib : {4, 64})
        row({fmt::format("{} MiB", mib), text(measure(5, moved_bytes(), [&] {
                                                  copy_ring(ring, to, streams, mib << 20);
                                              }).gb_per_s)});
}

void copies() {
    const DeviceBlock to(volume(4ull << 30));
    pinned_copies(to);
    pageable_copies(to);
}

} // namespace tz::probe
