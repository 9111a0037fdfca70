// Objects in S3 as Targets: multipart uploads, and one request for what is no longer than a part.
#pragma once

#include <tz/engine/new_file.hpp>
#include <tz/engine/options.hpp>
#include <tz/engine/target.hpp>
#include <tz/protocols/multipart.hpp>
#include <tz/protocols/network.hpp>
#include <tz/protocols/payload_sums.hpp>
#include <tz/protocols/s3_client.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace tz {

/// `uri` is s3://BUCKET/KEY. Reads settings from the environment and files, and asks nothing yet.
/// Parts are of `part_bytes`, which S3 wants to be 5 MiB or more, or larger where an object has too
/// many of them. `log` hears of parts that may be left. Throws `tz::Error`. The target is
/// destroyed before the engine on whose loops it was used.
std::shared_ptr<Target> s3_target(
    const std::string& uri,
    const NetworkOptions& network,
    Existing existing,
    Log log = {},
    std::uint64_t part_bytes = part_bytes_usual);

/// What a part needs is written by its own write() alone; begin(), publish() and abandon() run
/// alone.
class S3Upload final : public Target {
public:
    struct Setup {
        S3Access access;
        std::string key; ///< of the object that `access` is to
        RetryOptions retry;
        Existing existing = Existing::refused;
        bool sign_payloads = false;
        std::uint64_t part_bytes = part_bytes_usual;
        Log log;
    };

    explicit S3Upload(Setup setup);

    TargetShape shape(std::uint64_t bytes) const override;
    awaitable<void> begin(Loop& loop, std::uint64_t bytes) override;
    awaitable<void>
    write(Loop& loop, std::span<const std::byte> bytes, std::uint64_t offset) override;
    awaitable<void> publish(Loop& loop) override;
    awaitable<void> abandon(Loop& loop, std::chrono::steady_clock::time_point until) override;

private:
    struct Part {
        UploadedPart told; ///< by the server
        std::uint32_t crc32c = 0;
    };

    static constexpr const char* token_header = "x-amz-meta-tz-upload";

    static Error exists();
    awaitable<void> check_free(Loop& loop);
    awaitable<S3Answer> ask_head(Loop& loop);
    awaitable<bool> is_ours(Loop& loop);
    awaitable<void> create(Loop& loop);
    S3Request create_request(bool checksums) const;
    awaitable<void> put_part(Loop& loop, std::span<const std::byte> bytes, std::uint64_t offset);
    S3Request
    part_request(std::span<const std::byte> bytes, std::uint64_t offset, PayloadSums& sums) const;
    awaitable<void> put_whole(Loop& loop);
    awaitable<void> complete(Loop& loop);
    S3Request complete_request(std::uint32_t crc32c) const;
    void check_completed(const S3Answer& answer, std::uint32_t crc32c) const;
    std::uint32_t crc32c_of_all() const;
    awaitable<void> check_stored(Loop& loop);
    awaitable<S3Answer> finish(Loop& loop, S3Request request);
    awaitable<S3Answer> try_to_finish(Loop& loop, const S3Request& request, bool& ours);
    using Clock = std::chrono::steady_clock;

    awaitable<void> take_away(Loop& loop, Clock::time_point until, bool& left);
    awaitable<void> abort_often(Loop& loop, Clock::time_point until, bool& left);
    awaitable<void> look_for_others(Loop& loop, Clock::time_point until);
    void warn_of_parts() const noexcept;
    void warn(const std::string& what) const;
    bool signs_payloads() const;

    S3Client client_;
    const std::string key_;
    const Existing existing_;
    const bool sign_payloads_;
    const std::uint64_t part_bytes_wanted_;
    const Log log_;
    const std::string token_; ///< in the object's metadata: tells it from one of another writer
    std::uint64_t bytes_ = 0;
    std::uint64_t part_bytes_ = 0;
    std::string upload_id_;        ///< while there is an upload to end
    bool may_have_others_ = false; ///< uploads that it began without being told
    bool knows_checksums_ = false; ///< the server checks CRC-32C of parts
    bool checksum_of_whole_ = false;
    std::vector<Part> parts_;
    std::vector<std::byte> whole_; ///< of an object that is sent when it is published
};

} // namespace tz
