#include <tz/protocols/hf_cache.hpp>
#include <tz/protocols/real_surroundings.hpp>
#include <tz/tests/support/few_descriptors.hpp>
#include <tz/tests/support/files.hpp>
#include <tz/tests/support/sanitizer.hpp>

#include <gtest/gtest.h>

#include <filesystem>
#include <map>

namespace tz {
namespace {

namespace fs = std::filesystem;

const std::string commit(40, 'c');

/// A cache in `HOME`, unless a variable says otherwise.
struct HfCache : testing::Test {
    test::TempFolder folder_;
    std::map<std::string, std::string> variables_{{"HOME", folder_ / "home"}};

    /// `cache` relative to the test's folder.
    void put(const std::string& cache, const std::string& model, const std::string& ref = "main") {
        const fs::path root = fs::path(folder_ / cache) / ("models--" + model);
        fs::create_directories(root / "snapshots" / commit / "sub");
        fs::create_directories((root / "refs" / ref).parent_path());
        test::write_file((root / "refs" / ref).string(), std::as_bytes(std::span(commit)));
        test::write_file((root / "snapshots" / commit / "sub/x.safetensors").string(), {});
    }

    std::string find(const std::string& address) {
        Surroundings around = real_surroundings(nullptr);
        around.environment = [this](const std::string& name) -> std::optional<std::string> {
            const auto found = variables_.find(name);
            return found == variables_.end() ? std::nullopt : std::optional(found->second);
        };
        return find_in_hf_cache(address, around);
    }

    std::string snapshot(const std::string& cache, const std::string& model) const {
        return (folder_ / cache) + "/models--" + model + "/snapshots/" + commit;
    }

    void expect_error(errc kind, const std::string& address, const std::string& text = {}) {
        const auto error = test::error_of([&] { find(address); });
        ASSERT_TRUE(error) << address;
        EXPECT_EQ(error->kind(), kind) << error->what();
        EXPECT_NE(std::string(error->what()).find(text), std::string::npos) << error->what();
    }
};

TEST_F(HfCache, IsNotDeniedWhereNoDescriptorIsLeft) {
    if (test::sanitized)
        GTEST_SKIP() << "UndefinedBehaviorSanitizer looks at memory through a pipe";
    put("home/.cache/huggingface/hub", "org--name");
    const test::FewDescriptors none(0);
    expect_error(errc::io, "hf://org/name", "Too many open files");
}

TEST_F(HfCache, IsLookedForWhereItsOwnToolsDo) {
    for (const auto& [variable, value, cache] : std::vector<std::array<std::string, 3>>{
             {"XYZ", "", "home/.cache/huggingface/hub"},
             {"XDG_CACHE_HOME", folder_ / "xdg", "xdg/huggingface/hub"},
             {"HF_HOME", "~/hf", "home/hf/hub"},
             {"HUGGINGFACE_HUB_CACHE", folder_ / "old", "old"},
             {"HF_HUB_CACHE", folder_ / "hub", "hub"}}) {
        SCOPED_TRACE(variable);
        variables_[variable] = value; // each one wins over those before
        expect_error(errc::not_found, "hf://org/name", cache);
        put(cache, "org--name");
        EXPECT_EQ(find("hf://org/name"), snapshot(cache, "org--name"));
    }
    variables_["HF_HUB_CACHE"] = ""; // as if it were not set
    EXPECT_EQ(find("hf://org/name"), snapshot("old", "org--name"));
}

TEST_F(HfCache, FindsRevisionsAndPaths) {
    variables_["HF_HUB_CACHE"] = folder_ / "hub";
    put("hub", "org--name");
    put("hub", "org--name", "v1.0");
    put("hub", "org--name", "refs/pr/1");
    put("hub", "gpt2");
    const std::string whole = snapshot("hub", "org--name");
    for (const char* address :
         {"hf://org/name",
          "hf://org/name@main",
          "hf://org/name@v1.0",
          "hf://org/name@refs%2Fpr%2F1",
          "hf://org/name/"})
        EXPECT_EQ(find(address), whole);
    EXPECT_EQ(find("hf://org/name@" + commit), whole);
    EXPECT_EQ(find("hf://org/name@v1.0/sub/x.safetensors"), whole + "/sub/x.safetensors");
    EXPECT_EQ(find("hf://org/name/sub"), whole + "/sub");
    EXPECT_EQ(find("hf://gpt2"), snapshot("hub", "gpt2"));
    EXPECT_EQ(find("hf://gpt2@main/sub"), snapshot("hub", "gpt2") + "/sub");
}

TEST_F(HfCache, SaysHowToFillIt) {
    variables_["HF_HUB_CACHE"] = folder_ / "hub";
    put("hub", "org--name");
    expect_error(errc::not_found, "hf://org/other", "hf download org/other");
    expect_error(errc::not_found, "hf://org/name@v2", "hf download org/name --revision v2");
    expect_error(errc::not_found, "hf://org/name/none", "'none' of the model org/name");
    expect_error(errc::not_found, "hf://org/name@" + std::string(40, 'd'), "hf download");
}

TEST_F(HfCache, NothingLeadsOutOfIt) {
    variables_["HF_HUB_CACHE"] = folder_ / "hub";
    put("hub", "org--name");
    for (const char* address :
         {"hf://",
          "hf:///",
          "hf://org/",
          "hf://../name",
          "hf://org/..",
          "hf://org/na me",
          "hf://org/name@",
          "hf://org/name@..",
          "hf://org/name@..%2F..%2Fx",
          "hf://org/name@%2Fx",
          "hf://org/name/../x",
          "hf://org/name//x",
          "hf://org--x/name",
          "hf://org/name@%zz"})
        expect_error(errc::usage, address);
    const std::string refs = (folder_ / "hub") + "/models--org--name/refs/";
    for (const char* text : {"", "../../x", "zzz", "/etc"}) {
        test::write_file(refs + "main", std::as_bytes(std::span(std::string_view(text))));
        expect_error(errc::format, "hf://org/name", "should hold a commit");
    }
}

} // namespace
} // namespace tz
