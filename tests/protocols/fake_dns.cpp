#include "fake_dns.hpp"

#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <netdb.h>

namespace tz::test {

namespace {

struct Answer {
    std::vector<std::string> addresses;
    int error = 0;
    bool hangs = false;
};

std::mutex mutex;
std::condition_variable changed;
bool installed = false;
int asked = 0;
int running = 0;
std::map<std::string, Answer> known;

} // namespace

extern "C" {
// NOLINTBEGIN(bugprone-reserved-identifier): names of the linker
int __real_getaddrinfo(const char*, const char*, const addrinfo*, addrinfo**);
int __wrap_getaddrinfo(const char*, const char*, const addrinfo*, addrinfo**);

// NOLINTEND(bugprone-reserved-identifier)

int __wrap_getaddrinfo(
    const char* name, const char* service, const addrinfo* hints, addrinfo** found) {
    std::unique_lock lock(mutex);
    ++asked;
    const auto answer = installed ? known.find(name) : known.end();
    if (!installed || answer == known.end()) {
        lock.unlock();
        return __real_getaddrinfo(name, service, hints, found);
    }
    if (answer->second.hangs) {
        ++running;
        changed.wait(lock, [] { return !installed; });
        --running;
        changed.notify_all();
        return EAI_AGAIN;
    }
    if (answer->second.error != 0)
        return answer->second.error;
    addrinfo numeric = *hints;
    numeric.ai_flags = AI_NUMERICHOST;
    addrinfo** end = found;
    for (const std::string& address : answer->second.addresses) {
        if (const int error = __real_getaddrinfo(address.c_str(), service, &numeric, end))
            return error;
        end = &(*end)->ai_next;
    }
    return 0;
}
}

FakeDns::FakeDns() {
    const std::lock_guard lock(mutex);
    known.clear();
    asked = 0;
    installed = true;
}

FakeDns::~FakeDns() {
    std::unique_lock lock(mutex);
    installed = false;
    changed.notify_all();
    changed.wait(lock, [] { return running == 0; });
}

void FakeDns::set(const std::string& name, std::vector<std::string> addresses) {
    const std::lock_guard lock(mutex);
    known[name].addresses = std::move(addresses);
}

void FakeDns::fail(const std::string& name, int error) {
    const std::lock_guard lock(mutex);
    known[name].error = error;
}

void FakeDns::hang(const std::string& name) {
    const std::lock_guard lock(mutex);
    known[name].hangs = true;
}

int FakeDns::lookups() const {
    const std::lock_guard lock(mutex);
    return asked;
}

} // namespace tz::test
