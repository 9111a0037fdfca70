// Where a target stands, and who else writes it: always a whole file under the name, and nothing
// beside it.
#include "support/files.hpp"
#include "support/program.hpp"
#include <tz/tests/support/http_server.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <span>
#include <sys/stat.h>
#include <thread>

namespace tz::test {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;
using Names = std::set<std::string>;

std::string content(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

Names names_in(const std::string& folder) {
    Names names;
    for (const auto& entry : fs::directory_iterator(folder))
        names.insert(entry.path().filename());
    return names;
}

/// A folder in memory.
class SharedMemoryFolder {
public:
    SharedMemoryFolder() {
        std::string pattern = "/dev/shm/tz-test-XXXXXX";
        path_ = ::mkdtemp(pattern.data()) ? pattern : "";
    }

    ~SharedMemoryFolder() {
        std::error_code ignored;
        if (!path_.empty())
            fs::remove_all(path_, ignored);
    }

    SharedMemoryFolder(const SharedMemoryFolder&) = delete;
    SharedMemoryFolder& operator=(const SharedMemoryFolder&) = delete;

    /// Whether `other` is on another filesystem.
    bool apart_from(const std::string& other) const {
        struct stat mine{};
        struct stat its{};
        return !path_.empty() && ::stat(path_.c_str(), &mine) == 0 &&
               ::stat(other.c_str(), &its) == 0 && mine.st_dev != its.st_dev;
    }

    const std::string& path() const { return path_; }

private:
    std::string path_;
};

class Savers : public testing::Test {
protected:
    void SetUp() override {
        fs::create_directory(targets);
        write_tensors(source, 1'000'000);
        write_tensors(other_source, 900'000);
        whole = converted(source);
        other_whole = converted(other_source);
        const auto bytes = content(source);
        const auto held = std::as_bytes(std::span(bytes));
        server.put("/source", held_object({held.begin(), held.end()}));
    }

    std::string converted(const std::string& from) const {
        const std::string path = folder.path("once.tensors");
        EXPECT_EQ(run({"convert", "--force", from, path}).code, 0);
        return content(path);
    }

    static std::vector<std::string>
    arguments(const std::string& from, const std::string& to, bool force) {
        std::vector<std::string> all{"convert", from, to};
        if (force)
            all.emplace_back("--force");
        return all;
    }

    /// Waits until `program` writes to a temporary file in `place`, as it does for four seconds:
    /// what another one does meanwhile may take three on a busy machine.
    static void expect_temporary(const std::string& place, const std::string& name) {
        const auto until = std::chrono::steady_clock::now() + 30s;
        const auto is_temporary = [&name](const std::string& one) {
            return one.starts_with("." + name + ".") && one.ends_with(".partial");
        };
        while (std::ranges::none_of(names_in(place), is_temporary)) {
            ASSERT_LT(std::chrono::steady_clock::now(), until);
            std::this_thread::sleep_for(1ms);
        }
    }

    Folder folder;
    std::string targets = folder.path("targets");
    std::string target = targets + "/t.tensors";
    std::string source = folder.path("source.tensors");
    std::string other_source = folder.path("other.tensors");
    std::string whole;       ///< what becomes of `source`
    std::string other_whole; ///< and of the other one
    HttpServer server{HttpServerOptions{.connection_rate = 250'000}};
    const RunOptions direct{.environment = {"no_proxy=*"}};
};

TEST_F(Savers, TheSlowerOfTwoIsRefused) {
    Program slow(arguments(server.url("/source"), target, false), direct);
    ASSERT_NO_FATAL_FAILURE(expect_temporary(targets, "t.tensors"));
    EXPECT_EQ(run(arguments(other_source, target, false)).code, 0);
    const Outcome outcome = slow.wait();
    EXPECT_EQ(outcome.code, 2) << outcome.err;
    EXPECT_NE(outcome.err.find("--force"), std::string::npos) << outcome.err;
    EXPECT_TRUE(content(target) == other_whole);
    EXPECT_EQ(names_in(targets), Names{"t.tensors"});
}

TEST_F(Savers, TheSlowerOfTwoReplacesWithForce) {
    Program slow(arguments(server.url("/source"), target, true), direct);
    ASSERT_NO_FATAL_FAILURE(expect_temporary(targets, "t.tensors"));
    EXPECT_EQ(run(arguments(other_source, target, true)).code, 0);
    EXPECT_TRUE(content(target) == other_whole);
    // the other one's temporary file is no remains of a dead process
    EXPECT_EQ(names_in(targets).size(), 2u);
    const Outcome outcome = slow.wait();
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_TRUE(content(target) == whole);
    EXPECT_EQ(names_in(targets), Names{"t.tensors"});
}

TEST_F(Savers, TwoAtOnceLeaveOneWholeFile) {
    for (int i = 0; i < 20; ++i)
        for (const bool force : {false, true}) {
            fs::remove(target);
            Program first(arguments(source, target, force));
            Program second(arguments(other_source, target, force));
            const int codes = first.wait().code * 10 + second.wait().code;
            const std::string found = content(target);
            EXPECT_EQ(names_in(targets), Names{"t.tensors"});
            if (force) {
                EXPECT_EQ(codes, 0);
                EXPECT_TRUE(found == whole || found == other_whole) << found.size();
            } else {
                EXPECT_TRUE(codes == 2 || codes == 20) << codes;
                EXPECT_TRUE(found == (codes == 2 ? whole : other_whole)) << found.size();
            }
        }
}

TEST_F(Savers, WriteOnTheFilesystemOfTheTarget) {
    const SharedMemoryFolder memory;
    if (!memory.apart_from(targets))
        GTEST_SKIP() << "/dev/shm is no filesystem of its own";
    const std::string there = memory.path() + "/t.tensors";
    RunOptions options = direct;
    options.environment.push_back("TMPDIR=" + targets);
    Program slow(arguments(server.url("/source"), there, false), options);
    ASSERT_NO_FATAL_FAILURE(expect_temporary(memory.path(), "t.tensors"));
    EXPECT_EQ(names_in(targets), Names{});
    EXPECT_EQ(slow.wait().code, 0);
    EXPECT_TRUE(content(there) == whole);
    EXPECT_EQ(names_in(memory.path()), Names{"t.tensors"});
    EXPECT_EQ(names_in(targets), Names{});
}

TEST_F(Savers, FollowALinkToAFolderElsewhere) {
    const SharedMemoryFolder memory;
    if (!memory.apart_from(targets))
        GTEST_SKIP() << "/dev/shm is no filesystem of its own";
    const std::string link = targets + "/link";
    fs::create_directory_symlink(memory.path(), link);
    EXPECT_EQ(run(arguments(source, link + "/t.tensors", false)).code, 0);
    EXPECT_EQ(run(arguments(other_source, link + "/t.tensors", true)).code, 0);
    EXPECT_EQ(content(memory.path() + "/t.tensors"), other_whole);
    EXPECT_EQ(names_in(memory.path()), Names{"t.tensors"});
    EXPECT_EQ(names_in(targets), Names{"link"});
    EXPECT_TRUE(fs::is_symlink(link));
}

TEST_F(Savers, ReplaceALinkAndNotTheFileThatItLeadsTo) {
    const std::string elsewhere = folder.write("elsewhere", "old");
    fs::create_symlink(elsewhere, target);
    EXPECT_EQ(run(arguments(source, target, false)).code, 2);
    EXPECT_EQ(run(arguments(source, target, true)).code, 0);
    EXPECT_FALSE(fs::is_symlink(target));
    EXPECT_TRUE(content(target) == whole);
    EXPECT_EQ(content(elsewhere), "old");
    EXPECT_EQ(names_in(targets), Names{"t.tensors"});
}

class Mounted : public Savers {
protected:
    /// Runs `tz` where `from` is seen as `to`; exit code 99 where that is not allowed.
    static Outcome run_mounted(
        const std::string& from, const std::string& to, const std::vector<std::string>& arguments) {
        const std::string script =
            "unshare -m true || exit 99\n"
            "unshare -m sh -c 'mount --bind \"$0\" \"$1\" || exit 99; shift; exec \"$@\"' \"$@\"";
        std::vector<std::string> all{"-c", script, "sh", from, to, TZ_PROGRAM};
        all.insert(all.end(), arguments.begin(), arguments.end());
        return run(all, {.program = "/bin/sh"});
    }
};

TEST_F(Mounted, FolderIsWrittenTo) {
    const std::string mounted = folder.path("mounted");
    fs::create_directory(mounted);
    const Outcome outcome =
        run_mounted(targets, mounted, arguments(source, mounted + "/t.tensors", false));
    if (outcome.code == 99)
        GTEST_SKIP() << "no mounts are allowed here: " << outcome.err;
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_TRUE(content(target) == whole);
    EXPECT_EQ(names_in(targets), Names{"t.tensors"});
    EXPECT_EQ(names_in(mounted), Names{});
}

TEST_F(Mounted, FileIsNotReplacedAndNothingIsLeft) {
    const std::string file = folder.write("file", "old");
    const std::string place = folder.write("targets/t.tensors", "below");
    const Outcome outcome = run_mounted(file, place, arguments(source, place, true));
    if (outcome.code == 99)
        GTEST_SKIP() << "no mounts are allowed here: " << outcome.err;
    EXPECT_EQ(outcome.code, 1) << outcome.err;
    EXPECT_NE(outcome.err.find(place), std::string::npos) << outcome.err;
    EXPECT_EQ(content(file), "old");
    EXPECT_EQ(names_in(targets), Names{"t.tensors"});
}

} // namespace
} // namespace tz::test
