// An authority, and clients that trust it.
#pragma once

#include "../support/certificates.hpp"
#include "client.hpp"
#include "raw_server.hpp"

#include <memory>
#include <string>

namespace tz::test {

class Tls : public testing::Test {
protected:
    Tls() { options.ca_file = authority.certificate_file; }

    /// What a server with `context` answers.
    void expect_answer(const ServerContext& context, const std::string& host = "localhost") {
        RawServer server(answers(reply_with("hello")), context);
        Client client = client_of(server, host);
        run(get_text(client));
        EXPECT_EQ(client.text, "hello");
        EXPECT_TRUE(client.reusable);
    }

    Failure expect_failure(const ServerContext& context, const std::string& host = "localhost") {
        RawServer server(answers(reply_with("hello")), context);
        Client client = client_of(server, host);
        return failure_of(get_text(client));
    }

    Failure certificate_failure(const Wish& wish, const std::string& host = "localhost") {
        const Failure failure =
            expect_failure(server_context(issue(folder, wish, &authority)), host);
        EXPECT_FAULT(failure, tls, certificate);
        return failure;
    }

    Client client_of(const RawServer& server, const std::string& host = "localhost") {
        Client client;
        if (!tls)
            tls = std::make_unique<TlsContext>(options);
        client.peer = peer_at(server.port(), host);
        client.peer.tls = true;
        client.tls = tls.get();
        return client;
    }

    Issued good() { return issue(folder, Wish(), &authority); }

    TempFolder folder;
    Issued authority = issue_authority(folder);
    TransportOptions options;
    std::unique_ptr<TlsContext> tls;
};

inline bool says(const Failure& failure, const std::string& text) {
    return failure.what.find(text) != std::string::npos;
}

} // namespace tz::test
