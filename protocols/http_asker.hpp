// Asks for what a http or https URL names, and follows redirects.
#pragma once

#include <tz/protocols/asker.hpp>

#include <memory>
#include <mutex>
#include <optional>
#include <string>

namespace tz {

class HttpAsker final : public Asker {
public:
    /// What `first` has as userinfo goes to its origin as Authorization, and nowhere else.
    HttpAsker(Url first, unsigned redirects_max);

    Place start() const override;
    awaitable<Question>
    question(Loop& loop, const Place& place, std::string range, const Identity* pinned) override;
    std::optional<Place>
    moved(const Place& asked, const ReplyHead& head, std::string_view body) override;
    void found(const Place& place) override;
    bool forget(const Place& place) override;

private:
    Place first_place() const;

    const Url first_;
    const unsigned redirects_max_;
    mutable std::mutex mutex_;
    std::optional<Place> found_; ///< where redirects led to
};

} // namespace tz
