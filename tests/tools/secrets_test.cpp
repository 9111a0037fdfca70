#include "support/files.hpp"
#include <tz/format/error.hpp>
#include <tz/tools/secrets.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <stop_token>
#include <sys/resource.h>
#include <sys/stat.h>

namespace tz::cli {
namespace {

const std::string raw_key = "0123456789abcdef0123456789ABCDEF";
const std::string hex_key = "3031323334353637383961626364656630313233343536373839414243444546";

struct Secrets : testing::Test {
    test::Folder folder;
    std::vector<std::string> warnings;
    Warn warn = [this](const std::string& text) { warnings.push_back(text); };

    std::string key(std::string_view content, unsigned mode = 0600) {
        return text(*read_key_file(folder.write("key", content, mode), warn));
    }

    std::string password(std::string_view content) {
        return text(*read_password_file(folder.write("password", content), warn));
    }

    static std::string text(const format::Secret& secret) {
        return {reinterpret_cast<const char*>(secret.bytes().data()), secret.bytes().size()};
    }

    template <typename Read>
    void expect_refused(errc kind, Read read) {
        try {
            read();
            ADD_FAILURE() << "was taken";
        } catch (const Error& error) {
            EXPECT_EQ(error.kind(), kind) << error.what();
            EXPECT_NE(error.source(), "");
            EXPECT_EQ(std::string(error.what()).find("0123"), std::string::npos);
        }
    }
};

TEST_F(Secrets, AKeyIsRawOrHex) {
    EXPECT_EQ(key(raw_key), raw_key);
    EXPECT_EQ(key(hex_key), raw_key);
    EXPECT_EQ(key(hex_key + "\n"), raw_key);
}

TEST_F(Secrets, WhatIsNoKeyIsRefused) {
    for (const std::string& content :
         {std::string(), raw_key + "0", hex_key.substr(1), hex_key + "00", "z" + hex_key.substr(1)})
        expect_refused(errc::usage, [&] { key(content); });
}

TEST_F(Secrets, APasswordLosesOneLineEnd) {
    EXPECT_EQ(password("pw"), "pw");
    EXPECT_EQ(password("pw\n"), "pw");
    EXPECT_EQ(password("pw\r\n"), "pw");
    EXPECT_EQ(password("pw\n\n"), "pw\n");
    EXPECT_EQ(password(" pw \n"), " pw ");
    EXPECT_EQ(password("\xff\x00z"), "\xff");
}

TEST_F(Secrets, AnEmptyPasswordIsRefused) {
    expect_refused(errc::usage, [&] { password(""); });
    expect_refused(errc::usage, [&] { password("\n"); });
}

TEST_F(Secrets, ALargeFileIsRefusedUnread) {
    EXPECT_EQ(password(std::string(secret_bytes_max, 'x')).size(), secret_bytes_max);
    expect_refused(errc::usage, [&] { password(std::string(secret_bytes_max + 1, 'x')); });
    expect_refused(errc::usage, [&] { read_key_file("/dev/zero", warn); });
}

TEST_F(Secrets, WarnsWhenOthersCanReadOrWrite) {
    for (const unsigned mode : {0640u, 0604u, 0644u, 0620u, 0602u}) {
        warnings.clear();
        EXPECT_EQ(key(raw_key, mode), raw_key);
        ASSERT_EQ(warnings.size(), 1u) << mode;
        EXPECT_NE(warnings[0].find(folder.path("key")), std::string::npos);
        EXPECT_NE(warnings[0].find("chmod"), std::string::npos);
    }
}

TEST_F(Secrets, IsSilentAboutPrivateFiles) {
    for (const unsigned mode : {0600u, 0400u, 0711u})
        key(raw_key, mode);
    EXPECT_TRUE(warnings.empty());
}

TEST_F(Secrets, SaysWhatHasGoneWrongWithTheFile) {
    expect_refused(errc::not_found, [&] { read_key_file(folder.path("absent"), warn); });
    expect_refused(errc::not_found, [&] { read_key_file(folder.path("key/key"), warn); });
    expect_refused(errc::io, [&] { read_password_file(folder.path("."), warn); });
}

TEST_F(Secrets, AreAwaitedUntilAStop) {
    const std::string fifo = folder.path("fifo");
    ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
    std::stop_source stop;
    stop.request_stop();
    expect_refused(errc::cancelled, [&] { read_key_file(fifo, warn, stop.get_token()); });
    expect_refused(errc::cancelled, [&] { read_password_file(fifo, warn, stop.get_token()); });
    expect_refused(errc::cancelled, [&] { read_public_key_file(fifo, stop.get_token()); });
}

TEST_F(Secrets, LeaveNoCoreDumps) {
    const rlimit some{1 << 20, RLIM_INFINITY};
    ::setrlimit(RLIMIT_CORE, &some);
    key(raw_key);
    rlimit limit{};
    ::getrlimit(RLIMIT_CORE, &limit);
    EXPECT_EQ(limit.rlim_cur, 0u);
}

} // namespace
} // namespace tz::cli
