#include "http_load.hpp"
#include <tz/protocols/model.hpp>
#include <tz/protocols/number_search.hpp>
#include <tz/protocols/numbered_files.hpp>

#include <filesystem>

namespace tz {
namespace {

namespace fs = std::filesystem;

struct NumberedFiles : test::HttpLoad {
    test::HttpServer& server() {
        if (!server_)
            server_ = std::make_unique<test::HttpServer>(server_options_);
        network_.s3.endpoint_url = server_->url("", "");
        network_.s3.no_sign_request = true;
        return *server_;
    }

    /// Files of one tensor each, with as many bytes as their number and one.
    void put_numbers(const std::string& before, const std::vector<unsigned>& numbers) {
        for (const unsigned number : numbers) {
            const test::Sample sample{{number + 1}};
            put(server(), NumberedName::parse(before + "%03d.tensors")->with(number), sample);
        }
    }

    static std::vector<unsigned> up_to(unsigned end) {
        std::vector<unsigned> numbers(end);
        for (unsigned i = 0; i < end; ++i)
            numbers[i] = i;
        return numbers;
    }

    Model open_it(const std::string& address) {
        return open_model(
            engine_, std::vector{address}, network_, Direct::automatic, logged_.log());
    }

    void expect_numbers(const Model& model, std::size_t count) {
        const LoadedFiles loaded = tz::load(engine_, model.sources, {});
        ASSERT_EQ(loaded.files.size(), count);
        for (std::size_t i = 0; i < count; ++i)
            EXPECT_EQ(loaded.files[i].tensors.at(0).size(), i + 1);
    }

    Error error_of(const std::string& address) {
        const auto error = test::error_of([&] { open_it(address); });
        EXPECT_TRUE(error) << address;
        return error.value_or(Error(errc::usage, "no error"));
    }

    void expect_error(const std::string& address, errc kind, const std::vector<std::string>& says) {
        const Error error = error_of(address);
        EXPECT_EQ(error.kind(), kind) << error.what();
        for (const std::string& text : says)
            EXPECT_NE(std::string(error.what()).find(text), std::string::npos) << error.what();
    }

    test::HttpServerOptions server_options_;
    std::unique_ptr<test::HttpServer> server_;
    Engine engine_;
};

TEST_F(NumberedFiles, OfAServerAreThoseFromZeroOn) {
    for (const unsigned count : {1u, 7u, 8u, 9u, 17u, 40u}) {
        SCOPED_TRACE(count);
        const std::string before = "/m/of-" + std::to_string(count) + "-";
        put_numbers(before, up_to(count));
        const Model model = open_it(server().url(before + "%03d.tensors"));
        EXPECT_EQ(model.addresses.back(), model.sources.back()->name());
        expect_numbers(model, count);
    }
}

TEST_F(NumberedFiles, MayBeInS3) {
    put_numbers("/bucket/a/m-", up_to(3));
    const Model model = open_it("s3://bucket/a/m-%03d.tensors");
    ASSERT_EQ(model.addresses.size(), 3u);
    EXPECT_EQ(model.addresses[2], "s3://bucket/a/m-002.tensors");
    expect_numbers(model, 3);
}

TEST_F(NumberedFiles, KeepTheQueryOfTheirUrl) {
    put_numbers("/m/", up_to(2));
    const Model model = open_it(server().url("/m/%03d.tensors") + "?token=a%20b/c");
    ASSERT_EQ(model.addresses.size(), 2u);
    EXPECT_TRUE(model.addresses[1].ends_with("/m/001.tensors?token=a%20b/c"));
    for (const auto& request : server().requests())
        EXPECT_TRUE(request.target.ends_with("?token=a%20b/c")) << request.target;
    expect_error(
        server().url("/none/%03d.tensors") + "?token=a", errc::not_found, {"/none/000.tensors"});
    const std::string told = error_of(server().url("/none/%03d.tensors") + "?token=cAnArY").what();
    EXPECT_EQ(told.find("cAnArY"), told.npos) << told;
}

TEST_F(NumberedFiles, AreAskedForInFewRounds) {
    put_numbers("/m/", up_to(8));
    open_it(server().url("/m/%03d.tensors"));
    EXPECT_EQ(server().counts().requests, 17u); // number 0, and sixteen at the same time
    EXPECT_GT(server().counts().open_most, 1u);
}

TEST_F(NumberedFiles, AreLoadedInTheVersionThatWasFound) {
    put_numbers("/m/", up_to(2));
    const Model model = open_it(server().url("/m/%03d.tensors"));
    put(server(), "/m/001.tensors", test::Sample{{5}});
    const auto error = test::error_of([&] { tz::load(engine_, model.sources, {}); });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), errc::object_changed) << error->what();
}

TEST_F(NumberedFiles, AreNotLostBehindAGap) {
    put_numbers("/bucket/m-", {0, 1, 2, 4, 5});
    expect_error(
        "s3://bucket/m-%03d.tensors",
        errc::not_found,
        {"s3://bucket/m-003.tensors: it is missing", "m-004.tensors"});
    put_numbers("/bucket/n-", {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 18});
    expect_error("s3://bucket/n-%03d.tensors", errc::not_found, {"n-017.tensors: it is missing"});
}

TEST_F(NumberedFiles, BeginWithZero) {
    put_numbers("/bucket/m-", {1, 2});
    expect_error("s3://bucket/m-%03d.tensors", errc::not_found, {"m-000.tensors", "begin with 0"});
}

TEST_F(NumberedFiles, EndWhereAServerAnswersForEveryName) {
    server_options_.answer = [](const test::Request&) {
        return std::optional(test::Page{.status = 200, .body = "x"});
    };
    expect_error(
        server().url("/%03d.tensors"),
        errc::limit,
        {"more than " + std::to_string(numbered_files_max), "one by one"});
    EXPECT_LT(server().counts().requests, numbered_files_max + 32);
}

TEST_F(NumberedFiles, MayBeForbiddenOrMissingWhereTheServerDoesNotTell) {
    server_options_.deny = [](const test::Request& request) {
        return request.target.find("-000") == std::string::npos ? "AccessDenied" : "";
    };
    put_numbers("/bucket/m-", {0});
    expect_error(
        "s3://bucket/m-%03d.tensors",
        errc::denied,
        {"s3://bucket/m-0", "AccessDenied", "name the files that are wanted one by one"});
}

TEST_F(NumberedFiles, FailWhereTheServerFails) {
    put_numbers("/m/", up_to(3));
    server().add(test::Rule{
        .path = "/m/002.tensors", .faults = {{.kind = test::FaultKind::status, .amount = 503}}});
    expect_error(server().url("/m/%03d.tensors"), errc::transport, {"/m/002.tensors", "503"});
}

TEST_F(NumberedFiles, AreOneObjectWhereAVersionIsNamed) {
    const Model model = open_it("s3://bucket/m-%03d.tensors?versionId=1");
    ASSERT_EQ(model.addresses.size(), 1u);
    EXPECT_EQ(model.addresses[0], "s3://bucket/m-%03d.tensors?versionId=1");
}

TEST_F(NumberedFiles, OfThisMachineFollowTheSameRule) {
    const auto path = [this](const std::string& name) { return folder_ / name; };
    for (const char* name : {"m-000.tensors", "m-001.tensors", "m-003.tensors"})
        save(path(name), test::Sample{{1}}.views);
    expect_error(
        path("m-%03d.tensors"),
        errc::not_found,
        {path("m-002.tensors") + ": it is missing", "m-003.tensors"});
    fs::remove(path("m-003.tensors"));
    EXPECT_EQ(open_it(path("m-%03d.tensors")).addresses.size(), 2u);
    EXPECT_EQ(open_it("file://" + path("m-%2503d.tensors")).addresses.size(), 2u);
    fs::create_symlink("nowhere", path("m-002.tensors"));
    expect_error(path("m-%03d.tensors"), errc::not_found, {path("m-002.tensors")});
    fs::remove(path("m-000.tensors"));
    expect_error(path("m-%03d.tensors"), errc::not_found, {path("m-000.tensors")});
    expect_error(path("n-%03d.tensors"), errc::not_found, {path("n-000.tensors"), "begin with 0"});
}

} // namespace
} // namespace tz
