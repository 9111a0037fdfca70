#include <tz/protocols/number_search.hpp>

#include <gtest/gtest.h>

#include <string>

namespace tz {
namespace {

NumberSearch search_of(const std::string& files) {
    NumberSearch search;
    for (const char file : files)
        search.note(file == 'x');
    return search;
}

TEST(NumberSearch, EndsAsFarBehindTheLastFileAsItLooksAhead) {
    struct Case {
        std::string files;
        std::size_t count;
        bool ended;
    };

    const std::string ahead(numbers_ahead, '.');
    for (const Case& one :
         {Case{"", 0, false},
          Case{"x", 1, false},
          Case{"xx.", 2, false},
          Case{"xxx" + ahead.substr(1), 3, false},
          Case{"xxx" + ahead, 3, true},
          Case{ahead, 0, true}}) {
        const NumberSearch search = search_of(one.files);
        EXPECT_EQ(search.count(), one.count) << one.files;
        EXPECT_EQ(search.ended(), one.ended) << one.files;
        EXPECT_EQ(search.asked(), one.files.size());
        EXPECT_FALSE(search.beyond_gap());
        EXPECT_FALSE(search.too_many());
    }
}

TEST(NumberSearch, EndsAtAFileBeyondAGap) {
    const NumberSearch search = search_of("xx..xx");
    EXPECT_TRUE(search.ended());
    EXPECT_EQ(search.count(), 2u);
    EXPECT_EQ(search.beyond_gap(), 4u);
    EXPECT_EQ(search_of(".x").beyond_gap(), 1u);
}

TEST(NumberSearch, EndsWhereThereIsAFileOfEveryNumber) {
    EXPECT_FALSE(search_of(std::string(numbered_files_max, 'x')).ended());
    const NumberSearch search = search_of(std::string(numbered_files_max + 1, 'x'));
    EXPECT_TRUE(search.ended());
    EXPECT_TRUE(search.too_many());
}

} // namespace
} // namespace tz
