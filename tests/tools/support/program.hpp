// Runs the built `tz`, or `tz-bench`, as a user's shell would.
#pragma once

#include <string>
#include <sys/types.h>
#include <vector>

namespace tz::test {

/// A system call that fails with an error, by a seccomp filter; for openat only with O_DIRECT.
struct Refusal {
    int call = 0; ///< 0: none
    int error = 0;
};

struct RunOptions {
    std::string program = TZ_PROGRAM;
    std::vector<std::string> environment{}; ///< NAME=VALUE, beside ours without its TZ_ ones
    bool nobody = false;                    ///< with no rights; needs root
    std::string stdout_path{};              ///< stdout goes there
    bool closed_pipe = false;               ///< stdout is a pipe that nobody reads
    Refusal refuse{};                       ///< the kernel refuses this
    long memlock_bytes = -1;                ///< RLIMIT_MEMLOCK, where not negative
    long descriptors = -1;                  ///< RLIMIT_NOFILE, where not negative
    long file_bytes = -1;                   ///< RLIMIT_FSIZE, where not negative
    long threads = -1;                      ///< RLIMIT_NPROC, where not negative; not for root
};

struct Outcome {
    int code = -1; ///< exit code, or -1
    int signal = 0;
    std::string out;
    std::string err;
};

/// A running program. Killed by the destructor if it still runs.
class Program {
public:
    explicit Program(const std::vector<std::string>& arguments, const RunOptions& options = {});
    ~Program();
    Program(const Program&) = delete;
    Program& operator=(const Program&) = delete;

    pid_t pid() const { return pid_; }

    /// Waits until the program keeps `signal` for itself, and not SIGUSR1 too; false where it never
    /// does.
    bool wait_until_it_blocks(int signal) const;
    /// Reads all output and waits for the end. Kills the program after a minute.
    Outcome wait();

private:
    pid_t pid_ = -1;
    int out_ = -1;
    int err_ = -1;
};

Outcome run(const std::vector<std::string>& arguments, const RunOptions& options = {});

} // namespace tz::test
