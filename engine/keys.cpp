#include <tz/engine/keys.hpp>
#include <tz/engine/machine.hpp>
#include <tz/format/error.hpp>

#include <utility>

namespace tz {

namespace {

// Every writer derives once a file. A file with a derivation for each tensor would cost its reader
// what its author likes.
constexpr std::size_t derivations_max = 4;

} // namespace

Keys::Keys(const format::Layout& layout, const LoadOptions& options)
    : key_(options.key),
      password_(options.password),
      derivation_max_(options.derivation_max) {
    if (key_ && password_)
        throw Error(errc::usage, "both a key and a password are given");
    const bool given = key_ || password_;
    if (layout.encrypted && !given && !options.headers_only)
        throw Error(
            errc::auth,
            "the file is encrypted",
            {},
            "give its key (--key-file) or password (--password-file)");
    if (!layout.encrypted && given)
        throw Error(
            errc::auth,
            std::string("a ") + (key_ ? "key" : "password") +
                " is given but the file is not encrypted",
            {},
            "leave it out, or check that this is the right file");
    if (key_ && key_->bytes().size() != format::key_bytes)
        throw Error(errc::usage, "a key has 32 bytes, not " + std::to_string(key_->bytes().size()));
}

awaitable<const format::Secret*>
Keys::key_of(const format::Seal& seal, std::uint64_t header_offset, Workers& workers) {
    if (key_)
        co_return key_.get();
    if (!seal.derivation)
        throw Error(
            errc::auth,
            "a password is given but the file was encrypted with a raw key",
            header_offset,
            "give the key itself (--key-file)");
    const auto [entry, mine] = find(*seal.derivation);
    if (mine) {
        auto derive = [this, derived = entry] {
            const std::lock_guard one(deriving_);
            format::check_derivation(derived->derivation, memory_available(), derivation_max_);
            derived->key = format::derive_key(*password_, derived->derivation);
        };
        co_await workers.run(std::move(derive));
        entry->ready.advance(1);
    } else if (entry->ready.value() < 1) {
        co_await entry->ready.reached(1);
    }
    co_return &*entry->key;
}

std::pair<Keys::Derived*, bool> Keys::find(const format::KeyDerivation& derivation) {
    const std::lock_guard lock(mutex_);
    for (auto& entry : derived_)
        if (entry.derivation == derivation)
            return {&entry, false};
    if (derived_.size() == derivations_max)
        throw Error(
            errc::limit,
            "the file wants more than " + std::to_string(derivations_max) +
                " keys derived from its password");
    Derived& entry = derived_.emplace_back();
    entry.derivation = derivation;
    return {&entry, true};
}

} // namespace tz
