// What an upload to S3 may leave at the server: it is aborted, or else the user is told.
#include <tz/protocols/s3_upload.hpp>
#include <tz/protocols/s3_uploads_page.hpp>

#include <algorithm>
#include <chrono>

namespace tz {

namespace {

// A part that was on its way may arrive after an abort, so S3 wants to be asked until the upload is
// gone.
constexpr unsigned aborts_max = 3;

} // namespace

awaitable<void> S3Upload::abandon(Loop& loop, Clock::time_point until) {
    whole_.clear();
    bool left = !upload_id_.empty();
    co_await take_away(loop, until, left);
    if (left)
        warn_of_parts();
    upload_id_.clear();
    client_.close();
}

/// Throws nothing, but for want of memory to begin: what failed first is told.
awaitable<void> S3Upload::take_away(Loop& loop, Clock::time_point until, bool& left) {
    try {
        if (left)
            co_await abort_often(loop, until, left);
        if (!left && may_have_others_)
            co_await look_for_others(loop, until);
    } catch (...) { // nothing more can be done
        co_return;
    }
}

/// `left` becomes false where the server has taken it away, or knows no such upload any more.
awaitable<void> S3Upload::abort_often(Loop& loop, Clock::time_point until, bool& left) {
    const auto again_until = std::min(Clock::now() + S3Client::brief_time / 2, until);
    for (unsigned i = 0; i < aborts_max; ++i) {
        S3Request request =
            S3Request::of("DELETE", "uploadId=" + percent_encode(upload_id_, false));
        request.way = S3Way::brief;
        request.until = until;
        const S3Answer answer = co_await client_.call(loop, request);
        const bool gone = answer.is(404, S3Code::no_such_upload);
        left = left && !gone && !answer.good();
        if (gone || Clock::now() > again_until)
            co_return;
    }
}

/// A try to begin it, whose answer was lost, perhaps began another upload. Which one that is can't
/// be told from uploads of other writers to this name, so none is aborted.
awaitable<void> S3Upload::look_for_others(Loop& loop, Clock::time_point until) {
    std::string found;
    try {
        const UploadsPage begin;
        const UploadsPage page =
            co_await ask_uploads(loop, client_, key_, begin, S3Way::brief, until);
        const auto others = std::ranges::count_if(page.uploads, [this](const auto& upload) {
            return upload.key == key_ && upload.upload_id != upload_id_;
        });
        if (others == 0) {
            may_have_others_ = false;
            co_return;
        }
        found = "unfinished uploads of this name beside this one: " + std::to_string(others);
    } catch (const Error&) { // who may write need not be allowed to list
        found = "another upload of this name may be left";
    }
    may_have_others_ = false;
    warn(
        "the answer to the beginning of the upload was lost; " + found + "; `tz uploads " + name() +
        "` lists them, with --abort it removes them, those that are under way too");
}

void S3Upload::warn_of_parts() const noexcept {
    try {
        warn("parts of the upload may be left; tz uploads lists them");
    } catch (...) { // no memory even for that
        return;
    }
}

void S3Upload::warn(const std::string& what) const {
    if (log_)
        log_(LogLevel::warning, name() + ": " + what);
}

} // namespace tz
