// Where redirects lead a load, and what goes along.
#include "http_load.hpp"

namespace tz {
namespace {

using test::FaultKind;
using test::HttpLoad;
using test::HttpServer;

/// Two servers; the first leads to the second.
class HttpRedirect : public HttpLoad {
protected:
    HttpRedirect() { put(target_, "/real", sample_); }

    void lead(const std::string& to, int status = 302) {
        test::Rule rule;
        rule.faults.push_back({.kind = FaultKind::redirect, .amount = status, .text = to});
        front_.add(rule);
        put(front_, "/m", sample_);
    }

    HttpServer front_;
    HttpServer target_;
    Engine engine_;
};

TEST_F(HttpRedirect, IsFollowedOnceAndRemembered) {
    lead(target_.url("/real"));
    expect_same(load(engine_, open(front_.url("/m"))), sample_);
    EXPECT_EQ(front_.counts().requests, 1u) << "later requests go straight there";
    EXPECT_EQ(target_.counts().requests, 2u);
    EXPECT_EQ(target_.requests().front().range(), front_.requests().front().range());
}

TEST_F(HttpRedirect, TakesNoCredentialsToAnotherOrigin) {
    lead(target_.url("/real"));
    std::string url = front_.url("/m");
    url.insert(url.find("://") + 3, "user:CANARY@");
    const auto source = open(url);
    expect_same(load(engine_, source), sample_);
    EXPECT_EQ(front_.requests().front().authorization(), "Basic dXNlcjpDQU5BUlk=");
    for (const auto& request : target_.requests())
        EXPECT_EQ(request.authorization(), "");
    EXPECT_EQ(source->name().find("CANARY"), std::string::npos);
}

TEST_F(HttpRedirect, IsAskedForAnewWhenItsTargetExpires) {
    lead(target_.url("/real"));
    test::Rule expired;
    expired.first = expired.last = 1;
    expired.faults.push_back({FaultKind::expired_url});
    target_.add(expired);
    expect_same(load(engine_, open(front_.url("/m"))), sample_);
    EXPECT_EQ(front_.counts().requests, 2u);
}

TEST_F(HttpRedirect, EndsAfterFiveInARow) {
    lead("/m");
    const auto error = test::error_of([&] { load(engine_, open(front_.url("/m"))); });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), errc::transport);
    EXPECT_EQ(front_.counts().requests, 6u);
}

TEST_F(HttpRedirect, LeadsToNoOtherScheme) {
    for (const char* to : {"file:///etc/passwd", "ftp://127.0.0.1/x"}) {
        front_.clear_rules();
        lead(to);
        EXPECT_TRUE(test::error_of([&] { load(engine_, open(front_.url("/m"))); })) << to;
    }
}

TEST_F(HttpRedirect, LeadsFromThisMachineToNoMetadataService) {
    lead("http://169.254.169.254/latest");
    const auto error = test::error_of([&] { load(engine_, open(front_.url("/m"))); });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), errc::denied);
}

TEST_F(HttpRedirect, NeverShowsASecretInAnError) {
    put(front_, "/m", sample_);
    test::Rule rule;
    rule.faults.push_back({.kind = FaultKind::status, .amount = 403});
    front_.add(rule);
    std::string url = front_.url("/m") + "?X-Amz-Signature=CANARY1&token=CANARY2";
    url.insert(url.find("://") + 3, "user:CANARY3@");
    const auto error = test::error_of([&] { load(engine_, open(url)); });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), errc::denied);
    EXPECT_EQ(std::string(error->what()).find("CANARY"), std::string::npos) << error->what();
    for (const std::string& line : logged_.lines())
        EXPECT_EQ(line.find("CANARY"), std::string::npos);
}

TEST_F(HttpRedirect, SendsNoPasswordInTheClearToOtherMachines) {
    const auto error = test::error_of([&] { open("http://user:CANARY@models.example/m"); });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), errc::usage);
    EXPECT_EQ(std::string(error->what()).find("CANARY"), std::string::npos) << error->what();
    network_.allow_http = true;
    EXPECT_FALSE(test::error_of([&] { open("http://user:CANARY@models.example/m"); }));
}

} // namespace
} // namespace tz
