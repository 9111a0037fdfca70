// Stands between this test program and getaddrinfo(): linked with --wrap=getaddrinfo.
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <vector>

namespace tz::test {

/// While one lives, look-ups of names end as it says; numeric addresses and other names as ever.
class FakeDns {
public:
    FakeDns();
    /// Lets look-ups that hang end, and waits for their threads.
    ~FakeDns();
    FakeDns(const FakeDns&) = delete;
    FakeDns& operator=(const FakeDns&) = delete;

    void set(const std::string& name, std::vector<std::string> addresses);
    /// `error` is EAI_...
    void fail(const std::string& name, int error);
    /// No answer as long as this lives.
    void hang(const std::string& name);

    int lookups() const;
};

} // namespace tz::test
