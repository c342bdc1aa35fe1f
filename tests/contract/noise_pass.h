// SPDX-License-Identifier: MIT
#pragma once

#include "contract/walk_case.h"

#include <ATen/Parallel.h>

#include <backobs/problem.h>

namespace backobs {

/// Passes of one problem over one mini-batch of 28 x 28 noise, on one thread: what those do who count work.
class NoisePass {
 public:
  NoisePass(const std::string& problem, const std::vector<std::string>& extensions, int64_t samples)
      : problem_(made(problem)),
        network_(problem_->network(Random(1))),
        batch_(noise(samples)),
        pass_(network_, problem_->loss(), {}),
        extensions_(make(extensions)) {}

  void run(int64_t step) {
    pass_.run(batch_, {batch_.size, 0, step, Random(1)}, true, extensions_, [](auto&, auto&, ResultValue) {});
  }

 private:
  static std::unique_ptr<Problem> made(const std::string& name) {
    at::set_num_threads(1);
    return registry().make_problem(name, registry().schema("problem", name).check({}, "", "test"));
  }
  static Batch noise(int64_t samples) {
    at::manual_seed(1);
    return {{at::rand({samples, 1, 28, 28})}, {at::randint(10, {samples}, at::kLong)}, at::arange(samples), samples};
  }

  std::unique_ptr<Problem> problem_;
  Network network_;
  Batch batch_;
  Pass pass_;
  std::vector<ExtensionInstance> extensions_;
};

}  // namespace backobs
