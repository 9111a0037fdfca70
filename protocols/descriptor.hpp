// A file descriptor that closes itself.
#pragma once

#include <unistd.h>
#include <utility>

namespace tz {

class Descriptor {
public:
    Descriptor() = default;

    explicit Descriptor(int fd) : fd_(fd) {}

    ~Descriptor() {
        if (fd_ >= 0)
            ::close(fd_);
    }

    Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

    Descriptor& operator=(Descriptor&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }

    int get() const { return fd_; } ///< negative when there is none

private:
    int fd_ = -1;
};

} // namespace tz
