#include <tz/format/error.hpp>
#include <tz/tools/metrics.hpp>

#include <fmt/format.h>

#include <array>
#include <string_view>
#include <utility>
#include <vector>

namespace tz::cli {

namespace {

std::string escaped(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (c == '\n')
            out += "\\n";
        else if (c == '"' || c == '\\')
            out += std::string("\\") + c;
        else
            out += c;
    }
    return out;
}

struct Sample {
    std::string labels; ///< behind the command, each with a comma before it
    double value;
};

/// Writes one metric after another.
class Page {
public:
    explicit Page(std::string_view command) : command_(escaped(command)) {}

    void gauge(std::string_view name, std::string_view help, const std::vector<Sample>& samples) {
        text_ += fmt::format("# HELP tzio_{0} {1}\n# TYPE tzio_{0} gauge\n", name, help);
        for (const Sample& sample : samples)
            text_ += fmt::format(
                "tzio_{}{{command=\"{}\"{}}} {}\n", name, command_, sample.labels, sample.value);
    }

    void gauge(std::string_view name, std::string_view help, double value) {
        gauge(name, help, std::vector<Sample>{{"", value}});
    }

    void gauge(std::string_view name, std::string_view help, std::uint64_t value) {
        gauge(name, help, static_cast<double>(value));
    }

    std::string text() && { return std::move(text_); }

private:
    std::string command_;
    std::string text_;
};

void add_result(Page& page, const std::string& result) {
    const auto sample = [&result](std::string_view name) {
        return Sample{fmt::format(",result=\"{}\"", name), result == name ? 1.0 : 0.0};
    };
    std::vector<Sample> samples{sample("ok")};
    for (int kind = 1; kind <= errc_last; ++kind)
        samples.push_back(sample(name_of(static_cast<errc>(kind))));
    samples.push_back(sample("other"));
    page.gauge("run_result", "How the last run ended: 1 for its result, 0 for others.", samples);
}

void add_stages(Page& page, const LoadStats& stats) {
    const std::array<std::pair<std::string_view, const StageStats*>, 6> all{
        {{"read", &stats.read},
         {"wait", &stats.wait},
         {"verify", &stats.verify},
         {"decrypt", &stats.decrypt},
         {"copy", &stats.copy},
         {"put", &stats.put}}};
    std::vector<Sample> bytes;
    std::vector<Sample> cpu;
    std::vector<Sample> wait;
    for (const auto& [name, stage] : all) {
        const std::string label = fmt::format(",stage=\"{}\"", name);
        bytes.push_back({label, static_cast<double>(stage->bytes)});
        cpu.push_back({label, stage->cpu_seconds});
        wait.push_back({label, stage->wait_seconds});
    }
    page.gauge("stage_bytes", "Bytes that went through the stage.", bytes);
    page.gauge("stage_cpu_seconds", "CPU time of the threads that did the stage.", cpu);
    page.gauge(
        "stage_wait_seconds",
        "Time that chunks spent in the stage without a core, summed over all lanes.",
        wait);
}

void add_stats(Page& page, const LoadStats& stats) {
    page.gauge("read_bytes", "Bytes read from the sources.", stats.read_bytes);
    page.gauge("direct_read_bytes", "Of these, read past the page cache.", stats.direct_bytes);
    page.gauge("staging_bytes", "Staging memory that was touched.", stats.staging_bytes);
    page.gauge("tensors", "Tensors handed out, or files copied.", stats.tensors);
    page.gauge("load_seconds", "Time of the load alone.", stats.seconds);
    page.gauge("cpu_seconds", "CPU time of the process during the load.", stats.cpu_seconds);
    page.gauge(
        "requests", "Requests that read, sent to servers, repeated ones included.", stats.requests);
    page.gauge("connections", "Connections opened to servers to read.", stats.connections);
    page.gauge("retries", "Reads repeated after a passing fault.", stats.retries);
    page.gauge("throttles", "Answers of servers that asked for fewer requests.", stats.throttles);
    page.gauge("refetches", "Pieces fetched again that came damaged.", stats.refetched);
    page.gauge("hedged_requests", "Requests sent a second time, being late.", stats.hedged);
    page.gauge("hedges_won", "Of these second ones, answered first.", stats.hedges_won);
    page.gauge("lanes", "The most lanes that worked at one time.", std::uint64_t{stats.lanes});
    add_stages(page, stats);
}

} // namespace

std::string result_of(const std::exception& error) {
    const auto* ours = dynamic_cast<const Error*>(&error);
    return ours != nullptr ? name_of(ours->kind()) : "other";
}

std::string metrics_text(const RunFigures& run) {
    Page page(run.command);
    const std::string version = fmt::format(",version=\"{}\"", escaped(run.version));
    page.gauge("build_info", "The program that ran last, always 1.", {{version, 1}});
    add_result(page, run.result);
    page.gauge("run_end_timestamp_seconds", "When the last run ended.", run.ended_at);
    page.gauge("run_seconds", "Time from the start of the command to its end.", run.seconds);
    page.gauge(
        "delivered_bytes", "Bytes of data that went through all stages.", run.delivered_bytes);
    if (run.stats)
        add_stats(page, *run.stats);
    return std::move(page).text();
}

} // namespace tz::cli
