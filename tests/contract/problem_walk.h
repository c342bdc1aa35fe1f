// SPDX-License-Identifier: MIT
#pragma once

#include "host/page_keeper.h"
#include "host/registry.h"
#include "walk/pass.h"

#include <backobs/problem.h>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

/// One problem with all quantities, in float32 with two synthetic samples.
namespace backobs {

/// With kept pages, as the program has them: the kernel would clear those of each block anew, which takes longer than the rest.
inline const Registry& walk_registry() {
  static const Registry found = [] {
    ::setenv("BACKOBS_KEEP_MIB", "1024", 0);
    keep_pages();
    return Registry({std::filesystem::path(BACKOBS_BUILD_DIR) / "plugins"});
  }();
  return found;
}

struct WalkedProblem {
  explicit WalkedProblem(const std::string& name)
      : problem(walk_registry().make_problem(name, walk_registry().schema("problem", name).check({}, name, "test"))),
        network(problem->network(Random(0))) {
    for (const auto& plugin : walk_registry().list("extension")) {
      const auto& extension = plugin.manifest.name;
      const auto options = walk_registry().schema("extension", extension).check({}, extension, "test");
      const std::shared_ptr<Extension> made = walk_registry().make_extension(extension, options);
      extensions.push_back({extension, made, blocks_of(*made)});
    }
    PassSettings settings;
    settings.l2_reg = problem->facts().l2_reg;
    settings.is_regularised = [this](const std::string& p) { return problem->is_regularised(p); };
    pass = std::make_unique<Pass>(network, problem->loss(), settings);
  }
  Batch batch() const {
    DataRequest request;
    request.source = Source::synthetic;
    const auto data = problem->data(request);
    auto indices = data->order(Phase::train, Random(0));
    indices.resize(2);
    return data->batch(Phase::train, indices, Random(0));
  }

  std::shared_ptr<Problem> problem;
  Network network;
  std::vector<ExtensionInstance> extensions;
  std::unique_ptr<Pass> pass;
};

/// The quantities without meaning for one parameter: kfra where branches meet on the way to the loss, or where its
/// matrix is too large; sqrt_ggn_exact where the signals of a sample are too large for one tile, so that columns are held.
inline std::set<std::string> refused_quantities(const std::string& problem, const std::string& parameter) {
  const auto has = [](const std::string& text, const char* part) { return text.find(part) != std::string::npos; };
  const bool dense = has(parameter, "dense");
  std::set<std::string> refused;
  // The last normalisation and the dense layer of a residual network lie behind the last sum.
  if (has(problem, "_wrn") && !dense && parameter.rfind("bn.", 0) != 0) refused.insert("kfra");
  const bool decoder = has(parameter, "deconv") || parameter.rfind("dense3", 0) == 0 || parameter.rfind("dense4", 0) == 0 ||
                       parameter.rfind("dense5", 0) == 0;
  if (has(problem, "_vae") && !decoder) refused.insert("kfra");
  if (has(problem, "_vgg") && !dense) refused.insert("kfra");
  for (const auto* conv : {"conv1.", "conv2.", "conv3.", "conv4.", "conv5."})  // 98,304 and 49,152 features
    if (problem == "cifar100_allcnnc" && has(parameter, conv)) refused.insert("kfra");
  if (has(problem, "cifar100_vgg")) refused.insert("sqrt_ggn_exact");  // 110 GB, held together: one tile is 5 GB
  return refused;
}

inline void expect_legality(const std::string& name) {
  const WalkedProblem walked(name);
  std::map<std::string, std::set<std::string>> found;
  for (const auto& refusal : walked.pass->refusals(walked.extensions, 2)) {
    found[refusal.parameter].insert(refusal.quantity);
    EXPECT_FALSE(refusal.reason.empty());
  }
  for (const auto& parameter : walked.pass->parameters())
    EXPECT_EQ(found[parameter.name], refused_quantities(name, parameter.name)) << parameter.name;
}

/// The extensions that go through the network together: all of them, but for the VGGs. There the input factor of
/// dense1.weight is 2.5 GB, and what the others hold of that parameter as much again, so Kronecker factors have a walk of
/// their own.
inline std::vector<std::vector<ExtensionInstance>> walked_together(const std::string& problem,
                                                                   const std::vector<ExtensionInstance>& all) {
  if (problem.find("_vgg") == std::string::npos) return {all};
  std::vector<std::vector<ExtensionInstance>> walks(2);
  for (const auto& extension : all)
    walks[extension.name.front() == 'k' ? 0 : 1].push_back(extension);
  return walks;
}

/// Every value is reduced to its norm and dropped. Every cell that is not refused gets a finite one.
inline void walk_with_everything(const std::string& name) {
  WalkedProblem walked(name);
  std::map<std::string, std::set<std::string>> seen;
  const auto record = [&](const std::string& quantity, const std::string& parameter, ResultValue value) {
    for (const auto& tensor : value.tensors)
      EXPECT_TRUE(tensor.norm().isfinite().item<bool>()) << quantity << " of " << parameter;
    seen[parameter].insert(quantity.substr(0, quantity.find('/')));
  };
  const auto batch = walked.batch();
  for (const auto& extensions : walked_together(name, walked.extensions)) {
    const auto outcome = walked.pass->run(batch, {2, 0, 0, Random(0)}, true, extensions, record);
    EXPECT_TRUE(std::isfinite(outcome.evaluation.loss));
  }
  for (const auto& parameter : walked.pass->parameters())
    for (const auto& extension : walked.extensions)
      EXPECT_EQ(seen[parameter.name].count(extension.name),
                1 - refused_quantities(name, parameter.name).count(extension.name))
          << extension.name << " of " << parameter.name;
}

}  // namespace backobs
