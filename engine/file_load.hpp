// One call of load(), from the indexes of its files to what is handed over. load.cpp has its path,
// load_job.cpp what it reads and how that is cut.
#pragma once

#include <tz/engine/crew.hpp>
#include <tz/engine/engine.hpp>
#include <tz/engine/hosts.hpp>
#include <tz/engine/job.hpp>
#include <tz/engine/lineup.hpp>
#include <tz/engine/load.hpp>
#include <tz/engine/load_options.hpp>
#include <tz/engine/sink.hpp>
#include <tz/engine/supervision.hpp>
#include <tz/format/error.hpp>
#include <tz/format/layout.hpp>

#include <cstdint>
#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

namespace tz {

/// One call of load(): its files, from the index to what is handed over.
class FileLoad {
public:
    FileLoad(
        Engine::State& engine,
        Hosts::Sources sources,
        const LoadOptions& options,
        Supervision& supervision)
        : engine_(engine),
          sources_(sources),
          options_(options),
          supervision_(supervision),
          hosts_(sources),
          lineup_(engine, hosts_, sources, options_.sink ? options_.sink->file_lanes() : 0) {}

    LoadedFiles run();

private:
    Error cause_among(const Error& error) const;
    void read_indexes();
    void choose();
    std::unordered_map<const format::Tensor*, std::uint64_t> read_piece_sizes();
    std::vector<JobFile> job_files(bool mapped) const;
    PlanOptions plan_options(bool headers_only) const;
    unsigned spans() const;
    bool needs_scratch() const;
    void make_job();
    void bring_all();
    bool computes(const Sink& sink) const;
    void fill_sink(Sink& sink);
    void abandon(Sink& sink) noexcept;
    void run_lanes(Job& job);
    void deliver(std::size_t item);
    void check_unchanged() const;
    void log_oddities() const;
    LoadedFiles hand_over();
    void fill_stats(LoadStats& stats) const;
    void report_end() const;
    [[noreturn]] void fail_partly(const Error& error) const;

    const format::Tensor& handed_tensor(const Item& item) const {
        return all_ ? *item.tensor : handed_[item.source].tensors[item.place];
    }

    Engine::State& engine_;
    Hosts::Sources sources_;
    LoadOptions options_; ///< once the indexes are read: the effective ones
    Supervision& supervision_;
    Hosts hosts_;
    Lineup lineup_;
    unsigned workers_ = engine_.options.workers; ///< that the load uses
    std::vector<format::Layout> layouts_;        ///< of the files
    bool all_ = true;                            ///< the files are handed out as they are
    std::vector<format::Layout> handed_;         ///< else: what is handed out of them
    std::vector<Item> items_;                    ///< until the job has them
    std::unique_ptr<Job> job_;
    Crew* crew_ = nullptr; ///< while it works
};

} // namespace tz
