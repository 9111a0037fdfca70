// Tensors whose names are no plain words, by the C interface: each is found and told from the
// others.
#include <tz/tests/support/files.hpp>
#include <tz/tests/support/safetensors.hpp>
#include <tz/tz.h>

#include <gtest/gtest.h>

#include <cstddef>
#include <set>
#include <string>
#include <vector>

namespace tz::test {
namespace {

std::string stored_name(const tz_tensor* tensor) {
    std::size_t bytes = 0;
    const char* const name = tz_tensor_stored_name(tensor, &bytes);
    EXPECT_EQ(name[bytes], '\0');
    return {name, bytes};
}

/// Names that are shown alike, in pairs, as JSON has them.
const std::vector<std::string> json_names{
    R"(a\u0001)", R"(a\\x01)", R"(b\u0000c)", R"(b\\x00c)", R"(\u001e[\"d\",1])", R"([\"d\",1])"};

class CNames : public testing::Test {
protected:
    CNames() {
        std::vector<SafetensorsEntry> entries;
        for (std::size_t i = 0; i < json_names.size(); ++i) {
            data_[i] = static_cast<std::byte>(i);
            entries.push_back({json_names[i], "U8", "[1]", std::span(data_).subspan(i, 1)});
        }
        write_file(path_, safetensors_bytes(entries));
        EXPECT_EQ(tz_engine_create(nullptr, &engine_, nullptr), TZ_OK);
    }

    ~CNames() override { tz_engine_destroy(engine_); }

    tz_loaded* load(const tz_load_options* options) {
        const char* uris[] = {path_.c_str()};
        tz_loaded* loaded = nullptr;
        tz_error* error = nullptr;
        EXPECT_EQ(tz_load(engine_, uris, 1, options, &loaded, &error), TZ_OK)
            << tz_error_message(error);
        tz_error_destroy(error);
        return loaded;
    }

    TempFolder folder_;
    const std::string path_ = folder_ / "names.safetensors";
    std::vector<std::byte> data_ = std::vector<std::byte>(json_names.size());
    tz_engine* engine_ = nullptr;
};

TEST_F(CNames, TellsTensorsApartThatAreShownAlike) {
    using namespace std::string_literals;
    tz_loaded* const loaded = load(nullptr);
    ASSERT_EQ(tz_loaded_tensors(loaded, 0), json_names.size());
    std::set<std::string> shown;
    std::set<std::string> stored;
    for (std::size_t i = 0; i < json_names.size(); ++i) {
        const tz_tensor* const tensor = tz_loaded_tensor(loaded, 0, i);
        EXPECT_EQ(*static_cast<std::byte*>(tz_tensor_data(tensor)), static_cast<std::byte>(i));
        shown.insert(tz_tensor_name(tensor));
        stored.insert(stored_name(tensor));
    }
    EXPECT_LT(shown.size(), json_names.size());
    EXPECT_EQ(stored.size(), json_names.size());
    EXPECT_TRUE(stored.contains("a\x01"));
    EXPECT_TRUE(stored.contains("b\0c"s));
    EXPECT_TRUE(stored.contains(R"(["d",1])"));
    tz_loaded_destroy(loaded);
}

TEST_F(CNames, ChoosesByTheKeyOfAName) {
    tz_load_options* const options = tz_load_options_create();
    tz_load_options_add_name(options, "a\x01");
    tz_loaded* const loaded = load(options);
    ASSERT_EQ(tz_loaded_tensors(loaded, 0), 1u);
    EXPECT_EQ(stored_name(tz_loaded_tensor(loaded, 0, 0)), "a\x01");
    tz_loaded_destroy(loaded);
    tz_load_options_destroy(options);
}

TEST_F(CNames, OfNoTensorIsEmpty) {
    std::size_t bytes = 1;
    EXPECT_STREQ(tz_tensor_stored_name(nullptr, &bytes), "");
    EXPECT_EQ(bytes, 0u);
    EXPECT_STREQ(tz_tensor_stored_name(nullptr, nullptr), "");
}

} // namespace
} // namespace tz::test
