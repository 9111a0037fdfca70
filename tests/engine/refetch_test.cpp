// What is damaged on this machine's disk is not read again.
#include <tz/tests/support/remote_load.hpp>

namespace tz {
namespace {

class Damaged : public test::RemoteTest {
protected:
    /// A load of a file with one flipped bit of data. `host`: "" for this machine.
    Error failure_of(const std::string& host, bool encrypted, std::uint64_t& requests) {
        const test::Sample sample({200'000});
        SaveOptions saving;
        LoadOptions options;
        if (encrypted)
            saving.key = options.key = test::sample_key();
        auto bytes = bytes_of(sample, saving);
        bytes[bytes.size() - 100'000] ^= std::byte{1};
        host_->name = host;
        host_->requests = 0;
        EngineOptions single;
        single.concurrency = 1;
        Engine engine(single);
        const auto source = std::make_shared<test::SlowSource>("file", host_, std::move(bytes));
        const auto error = test::error_of([&] { load(engine, source, options); });
        requests = host_->requests;
        EXPECT_TRUE(error);
        return error.value_or(Error(errc::io, "none"));
    }
};

TEST_F(Damaged, FilesOfThisMachineAreNotReadAgain) {
    for (const bool encrypted : {false, true}) {
        const errc kind = encrypted ? errc::auth : errc::integrity;
        std::uint64_t requests = 0;
        EXPECT_EQ(failure_of("", encrypted, requests).kind(), kind);
        EXPECT_EQ(requests, 2u) << "the index and the chunk";
        EXPECT_EQ(failure_of("server", encrypted, requests).kind(), kind);
        EXPECT_EQ(requests, encrypted ? 3u : 4u) << "and a piece, or header and data";
    }
}

} // namespace
} // namespace tz
