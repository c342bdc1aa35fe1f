// SPDX-License-Identifier: MIT
#pragma once

#include "campaign/rehearsal.h"
#include "cli/context.h"
#include "host/child_process.h"

#include <filesystem>
#include <string>
#include <vector>

/// The rehearsal of a plan (campaign/rehearsal.h) in a process of its own: `plan` again, with flags between parent and
/// child.
namespace backobs {

struct RehearsalOptions {
  std::string only;              ///< one run alone, by index or id; empty: all
  std::vector<std::string> set;  ///< assignments to the file, as --set takes them
  bool unfinished = false;       ///< only runs that still have something to do
  bool measures = false;         ///< a few steps of each, for an estimate
  double max_silence_s = 3600;   ///< without a sign of life the process is killed
};

/// Looks at the runs of `plan`, which was read from this file. What a process that died had not looked at is missing; a
/// warning says so, and who was at work.
Rehearsed rehearse_apart(const Context& context, const Plan& plan, const NamelessFile& file,
                         const RehearsalOptions& options);
/// Throws ConfigErrors with all obstacles, each once, and the line of the file with a caret.
void refuse_obstacles(const Rehearsed& rehearsed, const std::filesystem::path& file, const std::string& text);

/// Hidden flags by which a parent calls `plan`.
struct RehearsalChild {
  int answers = -1, position = -1;  ///< descriptors; -1: not a child
  pid_t parent = -1;
  bool unfinished = false, measures = false;
};
void add_rehearsal_flags(CLI::App& verb, RehearsalChild& child);
/// The child's work.
ExitCode rehearse_as_child(Context& context, const Plan& plan, const std::string& only, const RehearsalChild& child,
                           const std::filesystem::path& campaign_folder);

}  // namespace backobs
