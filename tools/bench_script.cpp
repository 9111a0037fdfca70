#include <tz/engine/file_calls.hpp>
#include <tz/format/error.hpp>
#include <tz/tools/bench_script.hpp>

#include <cerrno>
#include <csignal>
#include <filesystem>
#include <unistd.h>

namespace tz::bench {

namespace fs = std::filesystem;

std::string
script_path(const std::string& given, const std::string& name, const std::string& option) {
    std::error_code ignored;
    if (!given.empty()) {
        if (fs::is_regular_file(given, ignored))
            return fs::absolute(given).string();
        throw Error(errc::not_found, "no such script", {}, option + " names a file").in(given);
    }
    const fs::path program = fs::read_symlink("/proc/self/exe", ignored);
    for (const fs::path& folder :
         {program.parent_path().parent_path() / TZ_BENCH_DATA_FOLDER, fs::path(TZ_BENCH_FOLDER)})
        if (fs::is_regular_file(folder / name, ignored))
            return (folder / name).string();
    throw Error(errc::not_found, "not installed", {}, option + " says where it is").in(name);
}

void become_script(
    const std::string& python,
    const std::string& script,
    const std::vector<std::string>& arguments) {
    std::vector<std::string> words{python, script};
    words.insert(words.end(), arguments.begin(), arguments.end());
    std::vector<char*> pointers;
    pointers.reserve(words.size() + 1);
    for (std::string& word : words)
        pointers.push_back(word.data());
    pointers.push_back(nullptr);
    std::signal(SIGPIPE, SIG_DFL); // what we ignore, it would ignore too
    std::signal(SIGXFSZ, SIG_DFL);
    ::execvp(python.c_str(), pointers.data());
    const int code = errno;
    throw Error(
        kind_of_errno(code),
        "cannot be started: " + system_message(code),
        {},
        "--python names another Python")
        .in(python);
}

} // namespace tz::bench
