// The keys of one load: given raw, or derived from a password once for each set of parameters, on a
// worker, while the first reads are under way.
#pragma once

#include <tz/engine/async.hpp>
#include <tz/engine/gate.hpp>
#include <tz/engine/options.hpp>
#include <tz/engine/workers.hpp>
#include <tz/format/layout.hpp>
#include <tz/format/seal.hpp>

#include <list>
#include <memory>
#include <mutex>
#include <optional>

namespace tz {

/// Shared by the lanes of a load and outlives them. Any loop may ask.
class Keys {
public:
    /// Throws `tz::Error` (errc::auth) where a key is given for a plain file, or none for an
    /// encrypted one; (errc::usage) where both a key and a password are given.
    Keys(const format::Layout& layout, const LoadOptions& options);
    Keys(const Keys&) = delete;
    Keys& operator=(const Keys&) = delete;

    /// The key of a tensor with this seal; valid as long as the Keys. Throws `tz::Error`:
    /// errc::auth where a password is given and the file has a raw key, errc::limit where the
    /// derivation costs too much.
    awaitable<const format::Secret*>
    key_of(const format::Seal& seal, std::uint64_t header_offset, Workers& workers);

private:
    struct Derived {
        format::KeyDerivation derivation;
        Gate ready;
        std::optional<format::Secret> key;
    };

    /// The entry, and whether the caller is the one to derive it.
    std::pair<Derived*, bool> find(const format::KeyDerivation& derivation);

    std::shared_ptr<const format::Secret> key_;
    std::shared_ptr<const format::Secret> password_;
    format::DerivationLimits derivation_max_;
    std::mutex mutex_;
    std::mutex deriving_; ///< one at a time: each may take half of the memory available
    std::list<Derived> derived_;
};

} // namespace tz
