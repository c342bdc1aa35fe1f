// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/export.h>
#include <backobs/network.h>
#include <backobs/options.h>
#include <backobs/random.h>
#include <backobs/state.h>

#include <map>
#include <string>
#include <vector>

namespace backobs {

/// One training step on a held mini-batch. Each call below sees the same samples, dropout masks and noise, at the
/// parameters' present values, so line searches and closures may call them as often as they like.
class BACKOBS_API Step {
 public:
  virtual ~Step();

  virtual int64_t epoch() const = 0;
  virtual int64_t index() const = 0;   ///< within the epoch, from 0
  virtual int64_t global() const = 0;  ///< over all epochs, from 0
  virtual Random random() const = 0;

  /// The mini-batch loss as the problem's loss reduces it, penalty included. No gradient, no extension.
  virtual double evaluate() = 0;
  /// The same, and the gradient in every trainable parameter's grad(). The first call of a step also runs the
  /// extensions that are due at it; at the parameters' values of that moment.
  virtual double evaluate_with_gradient() = 0;
  /// What `Runner::wants` asked for, of the last evaluate_with_gradient: values of one parameter, in the shapes of
  /// docs/quantities.md. Throws PluginError where there is none: not asked for, refused, or nothing was evaluated yet.
  virtual const std::vector<Tensor>& result(const std::string& quantity, const std::string& parameter) const = 0;
};

/// An extension a runner needs at every step.
struct Want {
  std::string extension;
  std::map<std::string, std::string> options;
};

/// Drives training: what one step does with the gradient. The loop around it (evaluation before training and after
/// every epoch, schedule, logging, divergence, checkpoints) belongs to core and is the same for every runner.
class BACKOBS_API Runner {
 public:
  virtual ~Runner();

  /// The optimizer's name in DeepOBS's result paths: "SGD".
  virtual std::string optimizer_name() const = 0;
  /// Quantities the steps read through Step::result.
  virtual std::vector<Want> wants() const { return {}; }

  /// Called once, before the first step, with every parameter (frozen ones too). Values are changed in place, without
  /// autograd's graph (at::NoGradGuard), and never exchanged for other tensors.
  virtual void prepare(const std::vector<Parameter>& parameters) = 0;
  /// One update. Returns the mini-batch loss before it; one that is not finite ends the run as diverged.
  virtual double step(Step& step) = 0;
  /// The schedule: learning rate = base rate times factor, from the next step on.
  virtual void set_rate_factor(double factor) = 0;
  /// Present learning rate, as the log shows it.
  virtual double rate() const = 0;

  /// What must survive a restart, bit by bit: buffers by parameter name, counters, the rate factor.
  virtual void save_state(State&) const = 0;
  virtual void load_state(const State&) = 0;
};

}  // namespace backobs
