// Calls of OpenSSL and libsodium that fail, as where memory runs out or a digest isn't allowed. The
// linker has those that tzio's own code makes go by way of here (CMakeLists.txt); what the
// libraries call among themselves does not.
#pragma once

#include <string_view>

namespace tz::test {

/// As long as it lives, every call of `function` fails. One at a time, in tests of one thread.
class FailingCall {
public:
    explicit FailingCall(std::string_view function);
    ~FailingCall();
    FailingCall(const FailingCall&) = delete;
    FailingCall& operator=(const FailingCall&) = delete;
};

} // namespace tz::test
