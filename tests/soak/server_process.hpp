// The test server in a process of its own, so that what fails in this one does not fail there.
#pragma once

#include "material.hpp"

#include <string>
#include <sys/types.h>

namespace tz::soak {

/// Objects at "/m", and a store of uploads below "/b/". Made before this process has threads.
class ServerProcess {
public:
    explicit ServerProcess(const Material& material);
    ~ServerProcess(); ///< ends it
    ServerProcess(const ServerProcess&) = delete;
    ServerProcess& operator=(const ServerProcess&) = delete;

    /// "http://127.0.0.1:PORT"
    const std::string& url() const { return url_; }

private:
    pid_t child_ = -1;
    int hold_ = -1; ///< the child ends when this is closed, however this process ends
    std::string url_;
};

} // namespace tz::soak
