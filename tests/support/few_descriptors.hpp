// A process that can open hardly any more files and sockets.
#pragma once

#include <cstdint>
#include <fcntl.h>
#include <sys/resource.h>

namespace tz::test {

/// As many descriptors more can be opened, as long as it lives: one at a time.
class FewDescriptors {
public:
    explicit FewDescriptors(std::uint64_t more) {
        ::getrlimit(RLIMIT_NOFILE, &before_);
        rlimit few = before_;
        few.rlim_cur = 0; // a limit of numbers: the first free one that is not to be had
        for (std::uint64_t free = 0;; ++few.rlim_cur) {
            free += ::fcntl(static_cast<int>(few.rlim_cur), F_GETFD) < 0 ? 1 : 0;
            if (free > more)
                break;
        }
        ::setrlimit(RLIMIT_NOFILE, &few);
    }

    ~FewDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }

    FewDescriptors(const FewDescriptors&) = delete;
    FewDescriptors& operator=(const FewDescriptors&) = delete;

private:
    rlimit before_{};
};

} // namespace tz::test
