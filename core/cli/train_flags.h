// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/options.h>

#include <map>
#include <string>
#include <vector>

namespace backobs {

/// What `backobs train` reads itself, because its flags are those of a runner that is known only while parsing.
struct TrainFlags {
  std::string problem;
  std::map<std::string, RawValue> values;  ///< by the option's name: `max_steps` for --max-steps
};

/// `arguments` against the schema: "--lr 0.1", "--lr=0.1", "--nesterov", "--nesterov=false", lists as
/// "--lr-sched-epochs 50 100" or "50,100". The one argument that belongs to no flag is the problem. Throws UsageError.
TrainFlags read_train_flags(const std::vector<std::string>& arguments, const Schema& schema);

/// The flags of the loop, for --help.
std::string train_help();

}  // namespace backobs
