// fio as a ceiling for cold reads: what the disk gives to a program that does nothing else.
#pragma once

#include <tz/tools/bench_sample.hpp>

#include <cstddef>
#include <stop_token>
#include <string>
#include <vector>

namespace tz::bench {

struct FioJob {
    std::size_t block_bytes;
    unsigned depth;
};

/// Block sizes and depths of which the best is the ceiling.
std::vector<FioJob> usual_fio_jobs();

bool fio_installed(const std::string& program = "fio");

std::string fio_name(const FioJob& job);

/// Reads the whole file once with io_uring and O_DIRECT into fio's own small buffers. Throws
/// `tz::Error` where fio fails.
Sample run_fio(const std::string& file, const FioJob& job, const std::stop_token& stop = {});

} // namespace tz::bench
