#include <tz/format/error.hpp>

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace tz {
namespace {

TEST(Error, SaysWhatWhereAndWhatToDo) {
    const Error error(errc::format, "tensor 'x': bad", 12, "fetch it again");
    EXPECT_STREQ(error.what(), "tensor 'x': bad (at byte 12); fetch it again");
    EXPECT_EQ(error.kind(), errc::format);
    EXPECT_EQ(error.offset(), 12u);
    EXPECT_EQ(error.hint(), "fetch it again");
}

TEST(Error, NamesTheSourceItWasFirstSeenIn) {
    const Error error = Error(errc::io, "read failed").in("a\nb.tensors").in("other");
    EXPECT_STREQ(error.what(), "a\\x0ab.tensors: read failed");
    EXPECT_EQ(error.source(), "a\nb.tensors");
}

TEST(Error, IsAnErrorCodeOfItsCategory) {
    const boost::system::error_code code = errc::limit;
    EXPECT_EQ(code, Error(errc::limit, "too much").code());
    EXPECT_STREQ(code.category().name(), "tz");
    EXPECT_EQ(code.message(), "limit exceeded");
}

TEST(Error, HasAMessageForEachKind) {
    for (int kind = 1; kind <= errc_last; ++kind)
        EXPECT_NE(error_category().message(kind), "unknown error") << kind;
    EXPECT_EQ(error_category().message(999), "unknown error");
}

TEST(Error, HasANameForEachKind) {
    std::set<std::string> names;
    for (int kind = 1; kind <= errc_last; ++kind)
        names.insert(name_of(static_cast<errc>(kind)));
    EXPECT_EQ(names.size(), static_cast<std::size_t>(errc_last)) << "each is another";
    EXPECT_FALSE(names.contains("unknown"));
    EXPECT_STREQ(name_of(errc::object_changed), "object_changed");
    EXPECT_STREQ(name_of(static_cast<errc>(errc_last + 1)), "unknown");
}

TEST(Printable, KeepsText) {
    EXPECT_EQ(
        printable("plain text, \xc3\xa9, \xf0\x9f\x98\x80 %n"),
        "plain text, \xc3\xa9, \xf0\x9f\x98\x80 %n");
}

TEST(Printable, EscapesControls) {
    EXPECT_EQ(printable(std::string("\0\n\x1b[31m\x7f", 8)), "\\x00\\x0a\\x1b[31m\\x7f");
    EXPECT_EQ(printable("\xc2\x9b"), "\\xc2\\x9b"); // a control of Latin-1, CSI
}

TEST(Printable, EscapesInvalidBytesAlone) {
    EXPECT_EQ(printable("a\xff\xc3\xa9\xc3"), "a\\xff\xc3\xa9\\xc3");
}

TEST(ValidUtf8, AcceptsWhatUnicodeDefines) {
    for (const char* text :
         {"",
          "ascii",
          "\x7f",
          "\xc2\x80",
          "\xdf\xbf",
          "\xe0\xa0\x80",
          "\xed\x9f\xbf",
          "\xee\x80\x80",
          "\xf0\x90\x80\x80",
          "\xf4\x8f\xbf\xbf"})
        EXPECT_TRUE(valid_utf8(text)) << printable(text);
    EXPECT_TRUE(valid_utf8(std::string_view("a\0b", 3)));
}

TEST(ValidUtf8, RefusesEverythingElse) {
    for (const char* text :
         {"\x80",         // continuation alone
          "\xc3",         // cut
          "\xe2\x82",     // cut
          "\xf0\x9f\x98", // cut
          "\xc3"
          "a",                // no continuation
          "\xc0\x80",         // overlong
          "\xc1\xbf",         // overlong
          "\xe0\x9f\xbf",     // overlong
          "\xf0\x8f\xbf\xbf", // overlong
          "\xed\xa0\x80",     // surrogate
          "\xf4\x90\x80\x80", // above U+10FFFF
          "\xf5\x80\x80\x80",
          "\xff",
          "long ascii text \xfe and more"})
        EXPECT_FALSE(valid_utf8(text)) << printable(text);
}

} // namespace
} // namespace tz
