// Signals belong to the program: they must not interrupt our threads.
#pragma once

#include <csignal>
#include <pthread.h>

namespace tz {

/// Blocks all signals on this thread while it lives; threads started meanwhile keep them blocked.
class SignalBlock {
public:
    SignalBlock() {
        sigset_t all;
        sigfillset(&all);
        ::pthread_sigmask(SIG_SETMASK, &all, &before_);
    }

    ~SignalBlock() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

    SignalBlock(const SignalBlock&) = delete;
    SignalBlock& operator=(const SignalBlock&) = delete;

private:
    sigset_t before_{};
};

} // namespace tz
