// Who signs S3 requests: the search through all the places where credentials can be, in one written
// order, and the cache that all lanes share.
#pragma once

#include <tz/protocols/s3_settings.hpp>
#include <tz/protocols/surroundings.hpp>

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace tz {

struct Credentials {
    std::string access_key_id; ///< empty: anonymous, nothing is signed
    std::shared_ptr<const format::Secret> secret;
    std::shared_ptr<const format::Secret> token; ///< null without a session
    std::optional<std::chrono::system_clock::time_point> expires;
    std::string provider;            ///< the place that won: "environment", "~/.s3cfg" ...
    std::vector<std::string> looked; ///< the places looked at before it, in order

    bool anonymous() const noexcept { return access_key_id.empty(); }
};

/// The first that has some:
/// 1. options; no_sign_request, then KServe's awsAnonymousCredential, for anonymous
/// 2. AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN
/// 3. the profile in ~/.aws/credentials, then ~/.aws/config; keys, then a role by web identity
/// 4. ~/.s3cfg
/// 5. S3_ACCESS_KEY_ID, S3_SECRET_ACCESS_KEY
/// 6. AWS_KEY, AWS_SECRET
/// 7. web identity: AWS_ROLE_ARN, AWS_WEB_IDENTITY_TOKEN_FILE
/// 8. container: AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or _FULL_URI
/// 9. the metadata service of EC2, version 2: at most 3 s, not where `endpoint_given`, nor with
///    AWS_EC2_METADATA_DISABLED
/// and else anonymous. A profile in the options leaves out 2, 5, 6 and 7. Half a pair, or a place
/// that was named and has nothing, is a `tz::Error` (errc::denied) with the place's name; no text
/// of a file, variable or answer but S3's error codes gets into it. Waits for files and answers.
Credentials find_credentials(S3Settings& settings, bool endpoint_given, bool allow_http);

/// For a request that was denied: who signed it or where was looked, and what can be done.
std::string denied_hint(const Credentials& credentials);

/// Can a container's credentials come from this IP address: loopback, or the two link-local
/// addresses of ECS and EKS?
bool container_address(const std::string& address);

/// Shared by all lanes. Thread-safe; of several threads that need a search, one makes it and the
/// others wait for it, so only `ready()` may be called on a loop's thread.
class CredentialsCache {
public:
    using Time = std::chrono::system_clock::time_point;
    using Search = std::function<Credentials()>;

    static constexpr std::chrono::seconds refresh_before{300}; ///< before they expire
    /// How soon after a search that failed or brought nothing new the next one may begin.
    static constexpr std::chrono::seconds pause{10};

    struct Entry {
        std::shared_ptr<const Credentials> credentials;
        std::uint64_t generation = 0; ///< grows with each change of the credentials
    };

    CredentialsCache(Search search, std::function<Time()> now);

    /// What `get()` would give without a search; nothing if there has to be one.
    std::optional<Entry> ready() const;

    /// Credentials that have not expired by the local clock, if there are such. A search that fails
    /// while the old ones are good is not told; else its error is thrown, to all who waited and to
    /// who comes within `pause`.
    Entry get();

    /// After a server took those of `generation` for expired or unknown. The same generation comes
    /// back if a search finds nothing new: then trying again is useless.
    Entry refresh_after_denial(std::uint64_t generation);

private:
    bool good(Time now) const;
    bool due(Time now) const;
    bool pausing(Time now) const;
    bool serves(Time now) const;
    void join_search(std::unique_lock<std::mutex>& lock);
    void search_now(std::unique_lock<std::mutex>& lock);

    const Search search_;
    const std::function<Time()> now_;
    mutable std::mutex mutex_;
    std::condition_variable searched_;
    Entry entry_;
    bool searching_ = false;
    std::uint64_t searches_ = 0; // ended
    std::uint64_t denied_ = 0;   // the generation that a search after a denial brought again
    std::exception_ptr failure_; // of the last search
    std::optional<Time> last_;   // when that ended
};

} // namespace tz
