#include <tz/engine/file_calls.hpp>
#include <tz/engine/new_file.hpp>
#include <tz/format/error.hpp>
#include <tz/tools/bench_taken_back.hpp>
#include <tz/tools/signals.hpp>

#include <fmt/format.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <map>
#include <set>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <thread>
#include <tuple>
#include <unistd.h>

namespace tz::bench {

namespace {

namespace fs = std::filesystem;

constexpr std::chrono::milliseconds wait_step{10};

/// Which file it is, and when it was written: an inode's number is soon used again.
using Identity = std::tuple<dev_t, ino_t, time_t, long>;

/// What there is now of what may be made.
std::map<std::string, Identity> present(const Made& made) {
    std::set<std::string> paths(made.paths.begin(), made.paths.end());
    std::error_code ignored;
    if (!made.more.folder.empty())
        for (const auto& entry : fs::directory_iterator(made.more.folder, ignored)) {
            const std::string name = entry.path().filename().string();
            if (name.starts_with(made.more.begin) && name.ends_with(made.more.end))
                paths.insert(made.more.folder + "/" + name);
        }
    std::map<std::string, Identity> files;
    for (const std::string& path : paths) {
        struct ::stat stat{};
        if (::lstat(path.c_str(), &stat) == 0)
            files[path] = {stat.st_dev, stat.st_ino, stat.st_mtim.tv_sec, stat.st_mtim.tv_nsec};
    }
    return files;
}

/// A new file beside the same name removes what a process that was killed has left there.
void remove_remains(const std::string& path) {
    try {
        const NewFile next(path, Existing::replaced);
    } catch (const Error&) { // best effort: there may be no folder
        return;
    }
}

void remove_all_remains(const Made& made) {
    for (const std::string& path : made.paths)
        remove_remains(path);
    if (made.more.folder.empty())
        return;
    std::set<std::string> names;
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(made.more.folder, ignored)) {
        const std::string name = name_of_temporary(entry.path().filename().string());
        if (name.starts_with(made.more.begin) && name.ends_with(made.more.end))
            names.insert(name);
    }
    for (const std::string& name : names)
        remove_remains(made.more.folder + "/" + name);
}

/// Blocks SIGINT and SIGTERM: one that comes before somebody asks for them waits.
class HeldSignals {
public:
    HeldSignals() {
        sigset_t held;
        sigemptyset(&held);
        sigaddset(&held, SIGINT);
        sigaddset(&held, SIGTERM);
        ::pthread_sigmask(SIG_BLOCK, &held, &before_);
    }

    ~HeldSignals() { let_go(); }

    HeldSignals(const HeldSignals&) = delete;
    HeldSignals& operator=(const HeldSignals&) = delete;

    void let_go() const { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

private:
    sigset_t before_{};
};

/// Of a child that ended, as waitpid() has it.
int status_of(pid_t child, const std::stop_token& stop) {
    bool killed = false;
    for (;;) {
        int status = 0;
        const pid_t ended = ::waitpid(child, &status, killed ? 0 : WNOHANG);
        if (ended == child)
            return status;
        if (ended < 0 && errno != EINTR)
            throw Error(errc::io, "waitpid: " + system_message(errno));
        if (stop.stop_requested() && !killed) {
            ::kill(child, SIGKILL);
            killed = true;
        } else if (!killed) {
            std::this_thread::sleep_for(wait_step);
        }
    }
}

} // namespace

std::vector<std::string> missing_folders(const std::string& path) {
    std::vector<std::string> missing;
    std::error_code ignored;
    for (fs::path folder = fs::path(path); !folder.empty() && !fs::exists(folder, ignored);
         folder = folder.parent_path())
        missing.push_back(folder.string());
    return missing;
}

int run_taken_back(const Made& made, const std::function<int()>& work) {
    const std::map<std::string, Identity> before = present(made);
    const HeldSignals held;
    const pid_t parent = ::getpid();
    const pid_t child = ::fork();
    if (child < 0)
        throw Error(errc::io, "fork: " + system_message(errno));
    if (child == 0) {
        held.let_go();
        ::prctl(PR_SET_PDEATHSIG, SIGKILL); // nobody would stop it any more
        if (::getppid() != parent)
            ::_exit(1);
        return work();
    }
    const cli::StopOnSignal stop;
    const int status = status_of(child, stop.token());
    if (WIFEXITED(status))
        return WEXITSTATUS(status);
    for (const auto& [path, identity] : present(made)) {
        const auto same = before.find(path);
        std::error_code ignored;
        if (same == before.end() || same->second != identity)
            fs::remove(path, ignored);
    }
    remove_all_remains(made);
    for (const std::string& folder : made.folders) {
        std::error_code ignored;
        fs::remove(folder, ignored); // only where it is empty
    }
    // a terminal sends its Ctrl-C to the child too
    const int signal = WTERMSIG(status);
    if (stop.token().stop_requested() || signal == SIGINT || signal == SIGTERM)
        throw Error(errc::cancelled, "stopped");
    throw Error(errc::io, fmt::format("ended by signal {}; what was made is removed", signal));
}

} // namespace tz::bench
