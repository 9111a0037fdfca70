// What the kernel may refuse: io_uring in several ways, locked memory, direct reads. The bytes stay
// the same.
#include "support/files.hpp"
#include "support/program.hpp"
#include <tz/engine/ring.hpp>
#include <tz/protocols/file.hpp>
#include <tz/tests/support/sanitizer.hpp>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <cerrno>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace tz::test {
namespace {

class Refused : public testing::Test {
protected:
    void SetUp() override {
        write_tensors(file_, 9 << 20);
        ::chmod(file_.c_str(), 0644);
        expected_ = run({"checksum", file_}).out;
        ASSERT_FALSE(expected_.empty());
    }

    // The same bytes, and how they were read.
    std::string io_of(const RunOptions& options, const std::string& direct = "on") {
        const Outcome sums = run({"checksum", "--direct", direct, file_}, options);
        EXPECT_EQ(sums.code, 0) << sums.err;
        EXPECT_EQ(sums.out, expected_);
        const Outcome load = run({"load", "--json", "--direct", direct, file_}, options);
        EXPECT_EQ(load.code, 0) << load.err;
        const auto json = nlohmann::json::parse(load.out);
        direct_bytes_ = json["direct_bytes"];
        return json["io"];
    }

    Folder folder_;
    std::string file_ = folder_.path("model.tensors");
    std::string expected_;
    std::uint64_t direct_bytes_ = 0;
};

TEST_F(Refused, IoUringLeadsToThreadsHoweverItIsRefused) {
    for (const int call : {SYS_io_uring_setup, SYS_io_uring_enter})
        for (const int error : {EPERM, ENOSYS, ENOMEM}) {
            RunOptions options;
            options.refuse = {call, error};
            SCOPED_TRACE(std::to_string(call) + " " + std::to_string(error));
            EXPECT_EQ(io_of(options), "threads");
            const Outcome demanded = run({"load", "--io", "uring", file_}, options);
            EXPECT_EQ(demanded.code, 1);
            EXPECT_NE(demanded.err.find("--io auto"), std::string::npos) << demanded.err;
        }
}

TEST_F(Refused, BuffersThatCantBeRegisteredAreReadAllTheSame) {
    if (!ring_facts().usable)
        GTEST_SKIP() << ring_facts().reason;
    RunOptions options;
    options.refuse = {SYS_io_uring_register, ENOMEM};
    io_of(options); // a probe that is refused too may lead to threads
}

TEST_F(Refused, LittleLockedMemoryIsEnoughForNobody) {
    if (::getuid() != 0)
        GTEST_SKIP() << "only root can become nobody";
    for (const long bytes : {0L, 64L << 10}) {
        RunOptions options;
        options.nobody = true;
        options.memlock_bytes = bytes;
        io_of(options);
    }
}

TEST_F(Refused, FewDescriptorsAreEnoughOrSaidToBeTooFew) {
    if (sanitized)
        GTEST_SKIP() << "UndefinedBehaviorSanitizer looks at memory through pipes of its own";
    for (long descriptors = 4; descriptors <= 24; ++descriptors) {
        RunOptions options;
        options.descriptors = descriptors;
        SCOPED_TRACE(descriptors);
        const Outcome sums = run({"checksum", file_}, options);
        if (sums.code == 127) // the system could not load its libraries
            continue;
        if (sums.code == 0) {
            EXPECT_EQ(sums.out, expected_);
        } else {
            EXPECT_EQ(sums.code, 1);
            EXPECT_EQ(sums.out, "");
            EXPECT_NE(sums.err.find("Too many open files"), std::string::npos) << sums.err;
        }
        EXPECT_TRUE(sums.code == 0 || descriptors < 20);
    }
}

TEST_F(Refused, FewThreadsAreEnoughOrSaidToBeTooFew) {
    if (sanitized)
        GTEST_SKIP() << "LeakSanitizer starts a thread of its own";
    if (::getuid() != 0)
        GTEST_SKIP() << "only root can become nobody";
    for (long threads = 1; threads <= 12; ++threads) {
        RunOptions options;
        options.nobody = true;
        options.threads = threads;
        SCOPED_TRACE(threads);
        const Outcome sums =
            run({"checksum", "--workers", "2", "--concurrency", "2", file_}, options);
        if (sums.code == 0) {
            EXPECT_EQ(sums.out, expected_);
        } else {
            EXPECT_EQ(sums.code, 7) << sums.err;
            EXPECT_EQ(sums.out, "");
            EXPECT_NE(sums.err.find("ulimit -u"), std::string::npos) << sums.err;
        }
        EXPECT_TRUE(sums.code == 0 || threads < 12);
    }
}

TEST_F(Refused, DirectReadsGiveWayToThePageCache) {
    if (!file_facts(file_).direct)
        GTEST_SKIP() << "the filesystem has no direct reads to refuse";
    EXPECT_FALSE(io_of({}).empty());
    EXPECT_GT(direct_bytes_, 0u);
    RunOptions options;
    options.refuse = {SYS_openat, EINVAL};
    io_of(options);
    EXPECT_EQ(direct_bytes_, 0u);
    const Outcome load = run({"load", "--direct", "on", file_}, options);
    EXPECT_NE(load.err.find("refuses direct reads"), std::string::npos) << load.err;
}

TEST_F(Refused, OneTensorOf20GBIsStagedLike8000OfOneMiB) {
    const std::string large = folder_.path("large.tensors");
    const std::string many = folder_.path("many.tensors");
    write_sparse(large, 20'000'000'000);
    write_sparse(many, 1 << 20, 8000);
    std::uint64_t staging[2];
    std::size_t i = 0;
    for (const auto& file : {large, many}) {
        const Outcome load = run({"load", "--json", "--memory", "none", "--verify", "none", file});
        ASSERT_EQ(load.code, 0) << load.err;
        const auto json = nlohmann::json::parse(load.out);
        staging[i++] = json["staging_bytes"];
        EXPECT_LE(json["staging_bytes"], 256u << 20);
        if (!sanitized) {                                              // their shadow counts too
            EXPECT_LE(json["peak_rss_bytes"], (256u << 20) / 20 * 21); // of the whole process
        }
    }
    EXPECT_EQ(staging[0], staging[1]);
}

} // namespace
} // namespace tz::test
