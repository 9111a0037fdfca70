#include <tz/engine/source.hpp>
#include <tz/format/error.hpp>
#include <tz/protocols/address.hpp>
#include <tz/protocols/sidecar.hpp>

#include <algorithm>
#include <utility>

namespace tz {

std::string sidecar_address(const std::string& address) {
    constexpr const char* ending = ".manifest";
    const std::string scheme = scheme_of(address);
    if (scheme == "s3")
        return address.substr(0, address.find('?')) + ending;
    if (scheme != "http" && scheme != "https")
        return address + ending;
    const std::string whole = address.substr(0, address.find('#'));
    const std::size_t query = std::min(whole.find('?'), whole.size());
    return whole.substr(0, query) + ending + whole.substr(query);
}

std::shared_ptr<Source>
open_sidecar(const std::string& address, const NetworkOptions& network, Direct direct, Log log) {
    try {
        return open(sidecar_address(address), network, direct, std::move(log));
    } catch (const Error& error) {
        if (error.kind() == errc::not_found)
            return nullptr;
        throw;
    }
}

} // namespace tz
