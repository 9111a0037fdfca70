// Asks for an S3 object: signs each request, renews credentials, and goes to the region where the
// bucket is.
#pragma once

#include <tz/protocols/asker.hpp>
#include <tz/protocols/credentials.hpp>
#include <tz/protocols/s3_address.hpp>
#include <tz/protocols/sigv4.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

namespace tz {

class S3Asker final : public Asker {
public:
    /// `allow_http`: signed requests over plain http to other hosts than this machine.
    S3Asker(
        S3Name name,
        S3Endpoint endpoint,
        std::shared_ptr<CredentialsCache> credentials,
        bool allow_http);

    Place start() const override;
    /// Where the object's bucket is.
    Place bucket() const;
    awaitable<Question>
    question(Loop& loop, const Place& place, std::string range, const Identity* pinned) override;
    awaitable<std::optional<Question>>
    checksum_question(Loop& loop, const Place& place, const Identity& pinned) override;
    /// `request` as it goes to `place`, signed. `payload_sha256` is of what it carries,
    /// hexadecimal, or UNSIGNED-PAYLOAD.
    awaitable<Question> signed_question(
        Loop& loop, const Place& place, HttpRequest request, std::string payload_sha256);
    std::optional<Place>
    moved(const Place& asked, const ReplyHead& head, std::string_view body) override;
    awaitable<bool> renew(Loop& loop, std::uint64_t generation) override;
    void correct_clock(const ReplyHead& head) override;
    void explain(Problem& problem, const std::optional<S3Error>& error) const override;

private:
    S3Address address() const;
    awaitable<Question>
    ready(Loop& loop, const Place& place, const Identity* pinned, HttpRequest request);
    awaitable<CredentialsCache::Entry> credentials(Loop& loop);
    void check_way(const Place& place) const;
    void sign(
        HttpRequest& request,
        const Place& place,
        const CredentialsCache::Entry& entry,
        std::string_view payload_sha256);
    std::shared_ptr<const SigningKey> key_for(
        const CredentialsCache::Entry& entry,
        std::chrono::sys_seconds time,
        const std::string& region);

    const S3Name name_;
    const std::shared_ptr<CredentialsCache> credentials_;
    const bool allow_http_;
    std::atomic<std::int64_t> clock_offset_ = 0; ///< seconds that the server is ahead
    mutable std::mutex mutex_;                   ///< of what follows
    S3Endpoint endpoint_;
    bool moved_ = false; ///< to another region, once
    std::shared_ptr<const SigningKey> key_;
    std::uint64_t key_generation_ = 0;
    std::string key_region_;
};

} // namespace tz
