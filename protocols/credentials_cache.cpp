#include <tz/format/seal.hpp>
#include <tz/protocols/credentials.hpp>

#include <algorithm>
#include <utility>

namespace tz {

namespace {

bool same(const format::Secret* a, const format::Secret* b) {
    if (a == nullptr || b == nullptr)
        return a == b;
    return std::ranges::equal(a->bytes(), b->bytes());
}

bool same(const Credentials& a, const Credentials& b) {
    return a.access_key_id == b.access_key_id && same(a.secret.get(), b.secret.get()) &&
           same(a.token.get(), b.token.get());
}

} // namespace

CredentialsCache::CredentialsCache(Search search, std::function<Time()> now)
    : search_(std::move(search)),
      now_(std::move(now)) {}

bool CredentialsCache::good(Time now) const {
    return entry_.credentials &&
           (!entry_.credentials->expires || now < *entry_.credentials->expires);
}

bool CredentialsCache::due(Time now) const {
    return !entry_.credentials ||
           (entry_.credentials->expires && now + refresh_before >= *entry_.credentials->expires);
}

// A clock that was set back does not make the pause longer.
bool CredentialsCache::pausing(Time now) const {
    return last_ && now < *last_ + pause && *last_ <= now;
}

/// Without a search, and without an error.
bool CredentialsCache::serves(Time now) const {
    if (!due(now))
        return true;
    if (good(now))
        return searching_ || pausing(now);
    // just found and past their time already: then the clock is wrong, and the server shall judge
    return entry_.credentials && !failure_ && pausing(now);
}

std::optional<CredentialsCache::Entry> CredentialsCache::ready() const {
    const Time now = now_();
    const std::lock_guard lock(mutex_);
    if (!serves(now))
        return {};
    return entry_;
}

CredentialsCache::Entry CredentialsCache::get() {
    const Time now = now_();
    std::unique_lock lock(mutex_);
    if (serves(now))
        return entry_;
    if (searching_ || !(failure_ && pausing(now)))
        join_search(lock);
    if (failure_ && !good(now))
        std::rethrow_exception(failure_);
    return entry_;
}

CredentialsCache::Entry CredentialsCache::refresh_after_denial(std::uint64_t generation) {
    const Time now = now_();
    std::unique_lock lock(mutex_);
    if (entry_.generation != generation)
        return entry_;
    if (searching_ || !(pausing(now) && (failure_ || denied_ == generation)))
        join_search(lock);
    if (entry_.generation != generation)
        return entry_;
    if (failure_)
        std::rethrow_exception(failure_);
    denied_ = generation;
    return entry_;
}

/// Makes the search, or waits for the end of the one that is being made.
void CredentialsCache::join_search(std::unique_lock<std::mutex>& lock) {
    if (!searching_)
        return search_now(lock);
    const std::uint64_t before = searches_;
    searched_.wait(lock, [&] { return searches_ != before; });
}

void CredentialsCache::search_now(std::unique_lock<std::mutex>& lock) {
    searching_ = true;
    lock.unlock();
    std::shared_ptr<const Credentials> found;
    std::exception_ptr failure;
    try {
        found = std::make_shared<const Credentials>(search_());
    } catch (...) {
        failure = std::current_exception();
    }
    const Time now = now_();
    lock.lock();
    searching_ = false;
    ++searches_;
    last_ = now;
    failure_ = failure;
    if (found) {
        if (!entry_.credentials || !same(*entry_.credentials, *found))
            ++entry_.generation;
        entry_.credentials = std::move(found);
    }
    searched_.notify_all();
}

} // namespace tz
