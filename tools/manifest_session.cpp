#include <tz/protocols/open.hpp>
#include <tz/protocols/sidecar.hpp>
#include <tz/tools/manifest_session.hpp>

#include <utility>

namespace tz::cli {

ManifestSession::ManifestSession(const Options& options)
    : options_(options),
      early_(options.load.deadline),
      log_(console_log(console_, options)),
      waiting_(options.load),
      progress_(console_, options.shown_progress()) {
    waiting_.stop = stop();
    waiting_.begun = early_.begun();
    read_secrets(options, log_, waiting_);
    waiting_.progress = [this](const Progress& now) { progress_.update(now); };
    EngineOptions engine_options = options.engine;
    engine_options.log = log_;
    engine_.emplace(std::move(engine_options));
}

void ManifestSession::finish() {
    early_.before_results();
    progress_.finish();
}

ManifestPlaces ManifestSession::places(const std::string& address, bool sidecar_first) const {
    ManifestPlaces places;
    places.file = open(address, options_.network, options_.direct, log_);
    places.sidecar = open_sidecar(address, options_.network, options_.direct, log_);
    places.sidecar_first = sidecar_first;
    return places;
}

} // namespace tz::cli
