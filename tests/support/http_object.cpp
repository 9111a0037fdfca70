#include <tz/tests/support/http_object.hpp>

#include <algorithm>
#include <cassert>
#include <cstdio>
#include <cstring>
#include <utility>

namespace tz::test {

namespace {

// splitmix64: any eight bytes without those before them.
std::uint64_t mixed(std::uint64_t value) {
    value += 0x9e3779b97f4a7c15;
    value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
    value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
    return value ^ (value >> 31);
}

std::string etag_of(const Object& object) {
    std::uint64_t hash = mixed(object.seed) + object.bytes;
    if (object.held)
        for (const std::byte byte : *object.held)
            hash = (hash ^ static_cast<std::uint64_t>(byte)) * 0x100000001b3;
    char text[40];
    std::snprintf(
        text,
        sizeof text,
        "\"%016llx%016llx\"",
        static_cast<unsigned long long>(mixed(hash)),
        static_cast<unsigned long long>(mixed(hash + 1)));
    return text;
}

// Another object in the place of this one: every byte differs from what was there, most likely.
Object changed(const Object& old, std::int64_t more) {
    Object next = old;
    next.seed = mixed(old.seed);
    next.bytes = old.bytes + static_cast<std::uint64_t>(more);
    next.modified = old.modified + 60;
    if (old.held) {
        auto bytes = *old.held;
        for (std::byte& byte : bytes)
            byte = ~byte;
        bytes.resize(next.bytes);
        next.held = std::make_shared<const std::vector<std::byte>>(std::move(bytes));
    }
    next.etag = etag_of(next);
    return next;
}

} // namespace

void Object::read(std::uint64_t offset, std::span<std::byte> to) const {
    assert(offset <= bytes && to.size() <= bytes - offset);
    if (held) {
        std::copy_n(held->begin() + static_cast<std::ptrdiff_t>(offset), to.size(), to.begin());
        return;
    }
    for (std::size_t done = 0; done < to.size();) {
        const std::uint64_t word = mixed(seed * 0x9e3779b97f4a7c15 + (offset + done) / 8);
        const std::size_t skip = (offset + done) % 8;
        const std::size_t count = std::min(8 - skip, to.size() - done);
        std::memcpy(to.data() + done, reinterpret_cast<const std::byte*>(&word) + skip, count);
        done += count;
    }
}

std::vector<std::byte> Object::all() const {
    std::vector<std::byte> to(bytes);
    read(0, to);
    return to;
}

Object generated_object(std::uint64_t bytes, std::uint64_t seed) {
    Object object;
    object.bytes = bytes;
    object.seed = seed;
    object.etag = etag_of(object);
    return object;
}

Object held_object(std::vector<std::byte> bytes) {
    Object object;
    object.bytes = bytes.size();
    object.held = std::make_shared<const std::vector<std::byte>>(std::move(bytes));
    object.etag = etag_of(object);
    return object;
}

Object text_object(const std::string& text) {
    const auto bytes = std::as_bytes(std::span(text));
    return held_object({bytes.begin(), bytes.end()});
}

std::string http_date(std::time_t time) {
    std::tm parts{};
    ::gmtime_r(&time, &parts);
    char text[64];
    std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts);
    return text;
}

std::optional<std::time_t> parse_http_date(const std::string& text) {
    std::tm parts{};
    const char* end = ::strptime(text.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
    if (end == nullptr || *end != '\0')
        return {};
    return ::timegm(&parts);
}

void Objects::append(Entry& entry, Object object) {
    if (versions_)
        object.version_id = "version-" + std::to_string(++last_version_);
    entry.versions.push_back(std::move(object));
    entry.removed = false;
}

void Objects::put(const std::string& path, Object object) {
    const std::lock_guard lock(mutex_);
    append(entries_[path], std::move(object));
}

void Objects::remove(const std::string& path) {
    const std::lock_guard lock(mutex_);
    if (const auto found = entries_.find(path); found != entries_.end())
        found->second.removed = true;
}

std::optional<Object> Objects::find(const std::string& path, const std::string& version) const {
    const std::lock_guard lock(mutex_);
    const auto found = entries_.find(path);
    if (found == entries_.end())
        return {};
    const Entry& entry = found->second;
    if (!version.empty()) {
        const auto old = std::ranges::find(entry.versions, version, &Object::version_id);
        return old == entry.versions.end() ? std::optional<Object>() : *old;
    }
    return entry.removed ? std::optional<Object>() : entry.versions.back();
}

void Objects::change(const std::string& path, const Fault& fault) {
    const std::lock_guard lock(mutex_);
    const auto found = entries_.find(path);
    if (found == entries_.end())
        return;
    Entry& entry = found->second;
    if (fault.kind == FaultKind::replace || fault.kind == FaultKind::replace_inside)
        append(entry, changed(entry.versions.back(), 0));
    else if (fault.kind == FaultKind::resize)
        append(entry, changed(entry.versions.back(), fault.amount));
    else if (fault.kind == FaultKind::remove)
        entry.removed = true;
}

} // namespace tz::test
