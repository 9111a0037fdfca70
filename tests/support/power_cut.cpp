#include <tz/tests/support/power_cut.hpp>

#include <algorithm>
#include <random>
#include <utility>

namespace tz::test {

namespace {

/// What a disk writes whole or not at all.
constexpr std::uint64_t sector_bytes = 512;

using Happens = std::function<bool()>;

/// A write, as far as its sectors happen.
void write_some(std::vector<std::byte>& bytes, const DiskCall& write, const Happens& happens) {
    for (std::uint64_t at = 0; at < write.bytes.size();) {
        const std::uint64_t begin = write.offset + at;
        const std::uint64_t end =
            std::min((begin / sector_bytes + 1) * sector_bytes, write.offset + write.bytes.size());
        if (happens()) {
            bytes.resize(std::max<std::size_t>(bytes.size(), end));
            std::copy_n(
                write.bytes.begin() + static_cast<std::ptrdiff_t>(at),
                end - begin,
                bytes.begin() + static_cast<std::ptrdiff_t>(begin));
        }
        at += end - begin;
    }
}

std::vector<std::byte>
outcome(std::vector<std::byte> bytes, std::span<const DiskCall> since, const Happens& happens) {
    for (const DiskCall& call : since) {
        if (call.kind == DiskCall::Kind::write)
            write_some(bytes, call, happens);
        else if (happens())
            bytes.resize(call.offset);
    }
    return bytes;
}

} // namespace

CutDisk::CutDisk(std::uint64_t file, std::vector<std::byte> bytes)
    : files_{File{file, std::move(bytes), {}}},
      named_{file} {}

CutDisk::File& CutDisk::file(std::uint64_t number) {
    const auto found = std::find_if(
        files_.begin(), files_.end(), [=](const File& each) { return each.number == number; });
    return found != files_.end() ? *found : files_.emplace_back(File{number, {}, {}});
}

void CutDisk::apply(const DiskCall& call) {
    switch (call.kind) {
    case DiskCall::Kind::write:
    case DiskCall::Kind::cut:
        file(call.file).since.push_back(call);
        return;
    case DiskCall::Kind::sync: {
        File& synced = file(call.file);
        synced.synced = outcome(std::move(synced.synced), synced.since, [] { return true; });
        synced.since.clear();
        return;
    }
    case DiskCall::Kind::rename:
        named_.push_back(call.file);
        return;
    case DiskCall::Kind::sync_folder:
        named_ = {named_.back()};
        return;
    }
}

void CutDisk::for_each_outcome(
    std::uint64_t seed,
    unsigned lots,
    const std::function<void(std::span<const std::byte>)>& use) const {
    std::mt19937_64 random(seed);
    for (const File& each : files_) {
        if (std::find(named_.begin(), named_.end(), each.number) == named_.end())
            continue;
        use(each.synced);
        if (each.since.empty())
            continue;
        use(outcome(each.synced, each.since, [] { return true; }));
        for (unsigned lot = 0; lot < lots; ++lot)
            use(outcome(each.synced, each.since, [&random] { return random() % 2 == 0; }));
    }
}

} // namespace tz::test
