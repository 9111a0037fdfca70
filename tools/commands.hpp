// The commands of `tz`. Each does its work, writes its result to stdout and returns the exit code;
// failures are thrown.
#pragma once

#include <tz/format/float_cast.hpp>
#include <tz/format/layout.hpp>
#include <tz/tools/options.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tz::cli {

/// What `tz fetch` is told beside the shared options.
struct FetchArguments {
    std::string source;               ///< the first one
    std::vector<std::string> further; ///< where it goes; then further sources, each with its place
    std::vector<std::string> sha256;  ///< hex digits; none, or one for each source
    bool force = false;
};

/// What `tz convert`, `encrypt` and `decrypt` are told beside the shared options, whose files are
/// the sources, and whose key and password are theirs.
struct ConvertArguments {
    std::string destination;
    std::optional<format::FileFormat> format; ///< else the name says it
    std::string key_file;                     ///< of what is written
    std::string password_file;
    std::vector<std::string> metadata; ///< "NAME=TEXT"
    std::optional<std::uint64_t> alignment;
    std::optional<std::uint64_t> shard_bytes_max;
    std::optional<format::FloatType> floats;
    bool crc32 = true;
    bool sha256 = true;
    bool like_pip = false;
    bool manifest = false;
    std::string sign;                   ///< private key to sign the manifest with
    std::optional<std::string> subject; ///< of the manifest
    bool encrypts = false;              ///< and takes no other outcome
    bool force = false;
};

struct KeygenArguments {
    std::string path;
    bool force = false;
};

/// What `tz upload` is told beside the shared options.
struct UploadArguments {
    std::string source;
    std::string destination;
    std::size_t part_bytes = 0;
    bool force = false;
};

/// The same of `tz uploads`.
struct UploadsArguments {
    std::string uri;
    bool abort = false;
    std::optional<std::chrono::nanoseconds> older_than;
};

int run_info(const Options& options, const std::string& path);
int run_inspect(const Options& options);
int run_verify(const Options& options);
int run_checksum(const Options& options);
int run_load(const Options& options);
int run_fetch(const Options& options, const FetchArguments& arguments);
int run_convert(const Options& options, const ConvertArguments& arguments);
int run_keygen(const Options& options, const KeygenArguments& arguments);
int run_upload(const Options& options, const UploadArguments& arguments);
int run_uploads(const Options& options, const UploadsArguments& arguments);

} // namespace tz::cli
