#include "redirect.hpp"

#include "ip_address.hpp"
#include <tz/format/error.hpp>

namespace tz {

namespace {

/// A server inside may lead to its own kind: from this machine to this machine.
bool may_reach(const Url& first, const Url& target) {
    const Reach reach = reach_of_host(target.host);
    return reach == Reach::anywhere || reach == reach_of_host(first.host);
}

} // namespace

bool is_redirect(unsigned status) {
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

Redirect follow_redirect(const Redirected& from, unsigned status, std::string_view location) {
    const auto refuse = [](errc kind, const std::string& what, std::string hint) {
        throw Error(kind, "the server " + what, {}, std::move(hint));
    };
    if (!is_redirect(status))
        refuse(
            errc::transport,
            "answers " + std::to_string(status) + ", which is no redirect to follow",
            "check the URL");
    if (location.find_first_not_of(" \t") == location.npos)
        refuse(errc::transport, "redirects without saying where to", "check the URL");
    if (from.followed >= from.redirects_max)
        refuse(
            errc::transport,
            "redirects once more after " + std::to_string(from.followed) + " redirects",
            "give the URL that it should lead to, or allow more redirects");
    Redirect redirect;
    redirect.url = resolve(from.current, location);
    const Url& target = redirect.url;
    if (from.current.tls && !target.tls)
        refuse(
            errc::denied,
            "redirects from https to http://" + target.authority(),
            "give the http URL itself if it is to be trusted");
    if (!may_reach(from.first, target))
        refuse(
            errc::denied,
            "redirects to " + target.authority() + ", which only this machine or its link reach",
            "give that URL itself if it is to be trusted");
    redirect.origin_changed = !target.same_origin(from.current);
    if (redirect.origin_changed)
        redirect.url.userinfo.clear();
    return redirect;
}

} // namespace tz
