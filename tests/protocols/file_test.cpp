#include <tz/engine/load.hpp>
#include <tz/protocols/file.hpp>
#include <tz/tests/support/files.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <fcntl.h>
#include <fstream>
#include <sys/stat.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace tz {
namespace {

class FileTest : public testing::Test {
protected:
    errc kind_of_failure(const std::string& path) {
        const auto error = test::error_of([&] { open_file(path); });
        if (!error)
            return errc{};
        EXPECT_EQ(error->source(), path);
        return error->kind();
    }

    void write_sample() { save(folder_ / "file", sample_.views); }

    void drop_cache(const std::string& path) {
        const int fd = ::open(path.c_str(), O_RDONLY);
        ::fsync(fd);
        ::posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
        ::close(fd);
    }

    test::TempFolder folder_;
    test::Sample sample_{{6 << 20, 100, 5 << 20}};
};

TEST_F(FileTest, SaysWhatIsNotThere) {
    EXPECT_EQ(kind_of_failure(folder_ / "none"), errc::not_found);
    EXPECT_EQ(kind_of_failure(folder_ / "none/file"), errc::not_found);
}

TEST_F(FileTest, RefusesWhatIsNoFileWithoutWaiting) {
    EXPECT_EQ(kind_of_failure(folder_.path().string()), errc::io);
    ASSERT_EQ(::mkfifo((folder_ / "fifo").c_str(), 0600), 0);
    EXPECT_EQ(kind_of_failure(folder_ / "fifo"), errc::io);
    EXPECT_EQ(kind_of_failure("/dev/null"), errc::io);
}

TEST_F(FileTest, RefusesLoopsOfLinksAndLongNames) {
    ASSERT_EQ(::symlink("loop", (folder_ / "loop").c_str()), 0);
    EXPECT_EQ(kind_of_failure(folder_ / "loop"), errc::io);
    EXPECT_EQ(kind_of_failure(folder_ / std::string(300, 'x')), errc::io);
}

TEST_F(FileTest, TellsDeniedFromMissing) {
    write_sample();
    ASSERT_EQ(::chmod((folder_ / "file").c_str(), 0), 0);
    ASSERT_EQ(::chmod(folder_.path().c_str(), 0755), 0);
    const std::string path = folder_ / "file";
    // root may read everything, so a child that is nobody asks
    const pid_t child = ::fork();
    if (child == 0) {
        if (::getuid() == 0 && (::setgid(65534) != 0 || ::setuid(65534) != 0))
            ::_exit(2);
        const auto error = test::error_of([&] { open_file(path); });
        ::_exit(error && error->kind() == errc::denied ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST_F(FileTest, GoesOnWhenTheNameIsRemovedOrReplaced) {
    write_sample();
    const auto source = open_file(folder_ / "file");
    std::filesystem::remove(folder_ / "file");
    test::write_file(folder_ / "file", test::random_bytes(1000));
    Engine engine;
    const Loaded loaded = load(engine, source);
    EXPECT_TRUE(std::ranges::equal(loaded.tensors[0], sample_.data[0]));
}

TEST_F(FileTest, SeesAFileThatWasCutAfterItWasOpened) {
    write_sample();
    for (const Direct direct : {Direct::on, Direct::off}) {
        write_sample();
        const auto source = open_file(folder_ / "file", direct);
        std::filesystem::resize_file(folder_ / "file", 7 << 20);
        Engine engine;
        const auto error = test::error_of([&] { load(engine, source); });
        ASSERT_TRUE(error);
        EXPECT_EQ(error->kind(), errc::object_changed) << error->what();
        EXPECT_TRUE(error->offset());
    }
}

TEST_F(FileTest, SeesAFileThatWasWrittenTo) {
    write_sample();
    const auto source = open_file(folder_ / "file");
    std::this_thread::sleep_for(std::chrono::milliseconds(20)); // one tick of the file's clock
    std::ofstream(folder_ / "file", std::ios::app) << "more";
    Engine engine;
    const auto error = test::error_of([&] { load(engine, source); });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), errc::object_changed);
}

TEST_F(FileTest, ReadsColdFilesPastTheCacheAndHotOnesThroughIt) {
    test::TempFolder on_disk;
    write_sample();
    const FileFacts facts = file_facts(folder_ / "file");
    if (!facts.direct || !facts.cachestat)
        GTEST_SKIP() << "needs O_DIRECT and cachestat, has " << facts.filesystem;
    Engine engine;
    drop_cache(folder_ / "file");
    const Loaded cold = load(engine, open_file(folder_ / "file"));
    EXPECT_GT(cold.stats.direct_bytes, cold.stats.bytes / 2);
    test::read_file(folder_ / "file");
    const Loaded hot = load(engine, open_file(folder_ / "file"));
    EXPECT_EQ(hot.stats.direct_bytes, 0u);
    EXPECT_TRUE(std::ranges::equal(cold.tensors[2], hot.tensors[2]));
}

TEST_F(FileTest, LoadsFromTmpfs) {
    const std::string path = "/dev/shm/tz-test-" + std::to_string(::getpid());
    if (file_facts("/dev/shm").filesystem != "tmpfs")
        GTEST_SKIP() << "no tmpfs at /dev/shm";
    save(path, sample_.views);
    for (const Direct direct : {Direct::on, Direct::automatic}) {
        Engine engine;
        const Loaded loaded = load(engine, open_file(path, direct));
        EXPECT_TRUE(std::ranges::equal(loaded.tensors[2], sample_.data[2]));
    }
    std::filesystem::remove(path);
}

} // namespace
} // namespace tz
