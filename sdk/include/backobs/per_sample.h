// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/export.h>

namespace backobs {

/// What an extension may implement beside Extension, if it treats samples one by one:
///
///     class GradBatch final : public Extension, public PerSample { … };
///
/// Then every value it puts for a parameter, each tensor of a list, is a stack over samples, each row from that sample alone, and `visit` may be
/// called for blocks of samples, one after the other, instead of once for all: their rows make up the whole. Of a mini-batch
/// of N samples a block sees n rows where the whole would see N; `batch_size()` stays N, and grad() is not there. Blocks of other
/// parameters may come in between. Its needs
/// are columns, sample_squares and squared_norms alone. Whoever takes the results asks for blocks: memory is then a block's
/// and not that of all N.
class BACKOBS_API PerSample {
 public:
  virtual ~PerSample();
  /// Whether that holds with the options it was made with.
  virtual bool treats_samples_alone() const { return true; }
};

/// The same for an extension that also treats columns one by one, and whose only need is the columns of one signal, no
/// residuals. Every value it puts for a parameter is a stack over columns and samples, [V, N, ...], row [v, n] from
/// that column of that sample alone. A block then has some columns of some samples, [v, n, ...], and not even the columns of
/// one sample must fit into memory.
class BACKOBS_API PerColumn : public PerSample {
 public:
  ~PerColumn() override;
};

}  // namespace backobs
