// An answer of the test server before it is framed. Between its own sources only.
#pragma once

#include <tz/tests/support/http_reply.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tz::test {

using Faults = std::vector<Fault>;

struct Draft {
    int status = 0;
    Fields fields{};
    Body body{};

    void set(std::string_view name, std::string value); ///< instead of any there was
    std::string get(std::string_view name) const;
};

/// An error as S3 says it.
Draft s3_draft(const Request& request, int status, const std::string& code);

/// What a fault answers instead of the object, if there is such a fault.
std::optional<Draft> status_draft(const Request& request, const Faults& faults);

Reply framed(Draft draft, const Request& request, const Faults& faults);

} // namespace tz::test
