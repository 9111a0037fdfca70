#include <tz/tools/console.hpp>
#include <tz/tools/exit.hpp>

#include <gtest/gtest.h>

#include <cerrno>
#include <new>
#include <system_error>

namespace tz::cli {
namespace {

TEST(ExitCode, OfEachKindOfError) {
    const std::pair<errc, int> table[] = {
        {errc::format, 6},
        {errc::integrity, 6},
        {errc::auth, 6},
        {errc::unsupported, 6},
        {errc::not_found, 3},
        {errc::denied, 4},
        {errc::transport, 5},
        {errc::deadline, 5},
        {errc::object_changed, 5},
        {errc::limit, 7},
        {errc::io, 1},
        {errc::device, 1},
        {errc::cancelled, 130},
        {errc::usage, 2},
    };
    for (const auto& [kind, code] : table) {
        EXPECT_EQ(exit_code(kind), code);
        EXPECT_EQ(exit_code(Error(kind, "what").in("file")), code);
    }
}

TEST(ExitCode, OfTheOperatingSystemsErrors) {
    const std::pair<int, int> table[] = {
        {ENOENT, 3},
        {ENOTDIR, 3},
        {EACCES, 4},
        {EPERM, 4},
        {ENOSPC, 7},
        {EDQUOT, 7},
        {EFBIG, 7},
        {ENOMEM, 7},
        {EIO, 1},
        {EBADF, 1}};
    for (const auto& [error, code] : table) {
        EXPECT_EQ(exit_code(std::system_error(error, std::generic_category())), code);
        EXPECT_EQ(
            exit_code(boost::system::system_error(error, boost::system::system_category())), code);
    }
}

TEST(ExitCode, OfOtherExceptions) {
    EXPECT_EQ(exit_code(std::bad_alloc()), 7);
    EXPECT_EQ(exit_code(std::runtime_error("?")), 1);
}

TEST(Failure, OfACommandAsAWholeNamesWhatItReads) {
    const Error late(errc::deadline, "late", {}, "raise it");
    const Error full(errc::limit, "no room");

    const struct {
        Error error;
        std::vector<std::string> inputs;
        std::string text;
    } cases[] = {
        {late, {"a"}, "a: late; raise it"},
        {full, {"a", "b"}, "a and 1 more: no room"},
        {full, {"a\nb", "b", "c"}, "a\\x0ab and 2 more: no room"},
        {late, {"https://user:secret@host/m?sig=secret"}, "https://host/m?...: late; raise it"},
        {late, {}, "late; raise it"},
        {late.in("b"), {"a"}, "b: late; raise it"},
        {Error(errc::usage, "wrong"), {"a"}, "wrong"},
    };

    for (const auto& one : cases) {
        EXPECT_EQ(about_inputs(one.error, one.inputs).what(), one.text);
        EXPECT_EQ(about_inputs(one.error, one.inputs).kind(), one.error.kind());
    }
}

TEST(Failure, IsOneLineOnStderr) {
    testing::internal::CaptureStderr();
    const Error error(errc::format, "no magic number", 5, "is it a .tensors file?");
    EXPECT_EQ(report_failure("tz", error.in("x.tensors")), 6);
    EXPECT_EQ(
        testing::internal::GetCapturedStderr(),
        "tz: x.tensors: no magic number (at byte 5); is it a .tensors file?\n");
}

TEST(Failure, OfForeignOriginHasNoControlCharacters) {
    testing::internal::CaptureStderr();
    EXPECT_EQ(report_failure("tz", std::runtime_error("bad\x1b[2J\nthing")), 1);
    EXPECT_EQ(testing::internal::GetCapturedStderr(), "tz: bad\\x1b[2J\\x0athing\n");
}

TEST(Failure, AClosedPipeIsNone) {
    testing::internal::CaptureStderr();
    EXPECT_EQ(report_failure("tz", ClosedPipe()), 0);
    EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

} // namespace
} // namespace tz::cli
