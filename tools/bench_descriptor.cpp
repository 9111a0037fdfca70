#include <tz/engine/file_calls.hpp>
#include <tz/tools/bench_descriptor.hpp>

#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace tz::bench {

Descriptor::Descriptor(const std::string& path, bool direct)
    : path_(path),
      fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | (direct ? O_DIRECT : 0))) {
    if (fd_ < 0)
        fail_on(path, "cannot open", errno);
    struct stat facts{};
    ::fstat(fd_, &facts);
    bytes_ = static_cast<std::uint64_t>(facts.st_size);
}

Descriptor::~Descriptor() {
    ::close(fd_);
}

std::size_t Descriptor::read(std::span<std::byte> to, std::uint64_t offset) const {
    const ssize_t got = ::pread(fd_, to.data(), to.size(), static_cast<off_t>(offset));
    if (got < 0)
        fail_on(path_, "cannot read", errno);
    return static_cast<std::size_t>(got);
}

} // namespace tz::bench
