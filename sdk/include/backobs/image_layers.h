// SPDX-License-Identifier: MIT
#pragma once

/// Convolutional networks written layer by layer, with the padding of DeepOBS, which is TensorFlow's.

#include <backobs/export.h>
#include <backobs/module.h>
#include <backobs/network.h>

#include <array>
#include <string>

namespace backobs {

/// Zeros in front of and behind one axis.
struct Padding {
  int64_t before = 0, after = 0;
};
inline bool operator==(const Padding& a, const Padding& b) { return a.before == b.before && a.after == b.after; }

/// TensorFlow's "same" for a window over `in` positions: out = ceil(in / stride) windows need
/// total = max((out - 1) stride + kernel - in, 0) more positions, half of them before; the odd one comes after.
BACKOBS_API Padding same_padding(int64_t in, int64_t kernel, int64_t stride);
/// The same for the input of a transposed convolution to out = in stride positions:
/// total = max((in - 1) stride + kernel - out, 0).
BACKOBS_API Padding same_padding_transposed(int64_t in, int64_t kernel, int64_t stride);

/// What a window meets beyond the edge: nothing, so that the image shrinks, or "same" zeros.
enum class Border { valid, same };

/// Adds layers to a network one behind the other and keeps track of the shape [C, H, W] of a sample, from which "same"
/// padding follows. A copy goes on from the same node: that is how branches begin.
///
///     Network net({3, 32, 32});
///     ImageLayers layers(net);
///     layers.conv("conv1", 64, 5, Border::valid).add("relu1", torch::nn::ReLU()).max_pool("maxpool1", 3, 2);
///     net.add("dense1", torch::nn::Linear(layers.features(), 10));
///
/// DeepOBS puts every convolution into a container, behind its padding if it has any. Nodes are named accordingly, and
/// so are the parameters: "conv1.0.weight" is a valid convolution's, "conv1.1.weight" a same one's. Where both sides of
/// both axes get equally many zeros, the convolution pads by itself; only otherwise "conv1.0" is a node of zeros.
class BACKOBS_API ImageLayers {
 public:
  /// Begins at the first input of `network`. Throws ComputeError unless its samples are [C, H, W].
  explicit ImageLayers(Network& network);
  /// Goes on from the node added last, whose samples are `shape`.
  ImageLayers(Network& network, std::array<int64_t, 3> shape)
      : network_(&network), node_(network.last()), shape_(shape) {}

  /// Cross-correlation with `channels` square kernels.
  ImageLayers& conv(const std::string& name, int64_t channels, int64_t kernel, Border border, int64_t stride = 1,
                    bool bias = true);
  /// Transposed convolution to stride times as many rows and columns. As DeepOBS does it: the *input* gets the zeros,
  /// the result of all windows is cropped by kernel - 1 on every side.
  ImageLayers& conv_transpose(const std::string& name, int64_t channels, int64_t kernel, int64_t stride = 1);
  /// Maxima over square "same" windows of values that are nowhere negative, as behind a ReLU. DeepOBS pads with 0,
  /// TensorFlow ignores what is beyond the edge; of such values both find the same maxima. One node `name`,
  /// unless zeros have to come in front: then "name.0" and "name.1", as for convolutions.
  ImageLayers& max_pool(const std::string& name, int64_t kernel, int64_t stride);
  /// The sum of this branch and another one of the same shape.
  ImageLayers& sum(const std::string& name, const ImageLayers& other);

  /// Any module that keeps the shape: activations, normalisation, dropout.
  template <typename Module>
  ImageLayers& add(const std::string& name, const Module& module) {
    return add(name, module, shape_);
  }
  /// Any module that makes the shape [C, H, W].
  template <typename Module>
  ImageLayers& add(const std::string& name, const Module& module, std::array<int64_t, 3> shape) {
    node_ = network_->add(name, module, {node_});
    shape_ = shape;
    return *this;
  }

  NodeId node() const { return node_; }  ///< the node added last
  int64_t channels() const { return shape_[0]; }
  int64_t rows() const { return shape_[1]; }
  int64_t columns() const { return shape_[2]; }
  int64_t features() const { return shape_[0] * shape_[1] * shape_[2]; }

 private:
  void pad(const std::string& name, const Padding& rows, const Padding& columns);

  Network* network_;
  NodeId node_ = 0;
  std::array<int64_t, 3> shape_{};
};

}  // namespace backobs
