#include <tz/protocols/status.hpp>

#include <gtest/gtest.h>

namespace tz {
namespace {

struct Row {
    unsigned status;
    const char* code;
    bool passing;
    errc kind;
};

TEST(Status, TellsWhatPassesAndNamesWhatDoesNot) {
    for (const Row& row : {
             Row{400, "", false, errc::transport},
             Row{400, "RequestTimeout", true, errc::transport},
             Row{400, "RequestTimeTooSkewed", false, errc::denied},
             Row{400, "ExpiredToken", false, errc::denied},
             Row{400, "AuthorizationHeaderMalformed", false, errc::denied},
             Row{401, "", false, errc::denied},
             Row{403, "", false, errc::denied},
             Row{403, "AccessDenied", false, errc::denied},
             Row{403, "InvalidObjectState", false, errc::denied},
             Row{403, "SignatureDoesNotMatch", false, errc::denied},
             Row{403, "SlowDown", true, errc::transport},
             Row{404, "", false, errc::not_found},
             Row{404, "NoSuchBucket", false, errc::not_found},
             Row{404, "SomethingNew", false, errc::not_found},
             Row{405, "", false, errc::transport},
             Row{407, "", false, errc::denied},
             Row{408, "", true, errc::transport},
             Row{409, "", false, errc::transport},
             Row{410, "", false, errc::not_found},
             Row{412, "", false, errc::object_changed},
             Row{429, "", true, errc::transport},
             Row{200, "InternalError", true, errc::transport},
             Row{301, "PermanentRedirect", false, errc::denied},
             Row{302, "", false, errc::transport},
             Row{304, "", false, errc::transport},
             Row{500, "", true, errc::transport},
             Row{501, "", false, errc::unsupported},
             Row{501, "NotImplemented", false, errc::unsupported},
             Row{502, "", true, errc::transport},
             Row{503, "SlowDown", true, errc::transport},
             Row{504, "", true, errc::transport},
             Row{505, "", false, errc::transport},
         }) {
        const auto s3 = *row.code != 0 ? std::optional(s3_code(row.code)) : std::optional<S3Code>();
        EXPECT_EQ(is_passing(row.status, s3), row.passing) << row.status << ' ' << row.code;
        const Problem problem = status_problem(row.status, s3);
        EXPECT_EQ(problem.kind, row.kind) << row.status << ' ' << row.code;
        EXPECT_FALSE(problem.hint.empty());
        const bool says_status =
            problem.reason.find(std::to_string(row.status)) != std::string::npos;
        EXPECT_EQ(says_status, row.status != 412) << problem.reason;
    }
}

TEST(Status, CallsThrottlingWhatAsksForFewerRequests) {
    EXPECT_TRUE(is_throttling(429, std::nullopt));
    EXPECT_TRUE(is_throttling(503, std::nullopt));
    EXPECT_TRUE(is_throttling(403, S3Code::slow_down));
    EXPECT_FALSE(is_throttling(500, S3Code::internal_error));
    EXPECT_FALSE(is_throttling(408, std::nullopt));
}

} // namespace
} // namespace tz
