#include <tz/engine/crew.hpp>
#include <tz/engine/engine.hpp>
#include <tz/engine/supervision.hpp>
#include <tz/protocols/s3_client.hpp>
#include <tz/protocols/s3_uploads.hpp>
#include <tz/protocols/s3_uploads_page.hpp>

#include <utility>

namespace tz {

namespace {

awaitable<void> list(
    Loop& loop,
    S3Client& client,
    const std::string& prefix,
    std::vector<UnfinishedUpload>& uploads) {
    UploadsPage page;
    do {
        page = co_await ask_uploads(loop, client, prefix, page);
        if (page.uploads.size() > uploads_listed_max - uploads.size())
            throw Error(
                errc::limit,
                "there are more than " + std::to_string(uploads_listed_max) + " uploads",
                {},
                "name a longer prefix");
        for (UnfinishedUpload& upload : page.uploads)
            uploads.push_back(std::move(upload));
    } while (page.more);
}

awaitable<void> abort_all(
    Loop& loop,
    S3Client& client,
    const std::vector<UnfinishedUpload>& uploads,
    const std::function<void(const UnfinishedUpload&)>& done) {
    for (const UnfinishedUpload& upload : uploads) {
        S3Request request =
            S3Request::of("DELETE", "uploadId=" + percent_encode(upload.upload_id, false));
        request.key = upload.key;
        const S3Answer answer = co_await client.call(loop, request);
        if (!answer.good() && !answer.is(404, S3Code::no_such_upload))
            throw answer.refusal();
        if (done)
            done(upload);
    }
}

/// A client for all of the bucket, and the engine's turn to use it.
class Bucket {
public:
    Bucket(
        Engine& engine,
        S3Name name,
        const NetworkOptions& network,
        std::stop_token stop,
        const Log& log)
        : loop_(*engine.state().loops.front()),
          client_(s3_access(std::move(name), network, log), network.retry, log),
          options_(until(std::move(stop))),
          supervision_(options_, "request"),
          turn_(supervision_.turn(engine.state().one_load)) {}

    Loop& loop() { return loop_; }

    S3Client& client() { return client_; }

    void run(awaitable<void> work) {
        try {
            Crew crew;
            std::vector<awaitable<void>> members;
            members.push_back(std::move(work));
            crew.start(loop_, std::move(members));
            supervision_.wait(crew, [] { return Progress{}; });
        } catch (const Error& error) {
            throw error.in(client_.name());
        }
    }

private:
    static LoadOptions until(std::stop_token stop) {
        LoadOptions options;
        options.stop = std::move(stop);
        return options;
    }

    Loop& loop_;
    S3Client client_;
    const LoadOptions options_;
    Supervision supervision_;
    Supervision::HeldTurn turn_;
};

} // namespace

std::vector<UnfinishedUpload> unfinished_uploads(
    Engine& engine,
    const std::string& uri,
    const NetworkOptions& network,
    std::stop_token stop,
    const Log& log) {
    S3Name name = parse_s3_prefix(uri);
    const std::string prefix = std::exchange(name.key, {});
    Bucket bucket(engine, std::move(name), network, std::move(stop), log);
    std::vector<UnfinishedUpload> uploads;
    bucket.run(list(bucket.loop(), bucket.client(), prefix, uploads));
    return uploads;
}

void abort_uploads(
    Engine& engine,
    const std::string& uri,
    const std::vector<UnfinishedUpload>& uploads,
    const NetworkOptions& network,
    std::stop_token stop,
    const std::function<void(const UnfinishedUpload&)>& done,
    const Log& log) {
    S3Name name = parse_s3_prefix(uri);
    name.key.clear();
    Bucket bucket(engine, std::move(name), network, std::move(stop), log);
    bucket.run(abort_all(bucket.loop(), bucket.client(), uploads, done));
}

} // namespace tz
