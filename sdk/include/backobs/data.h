// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/export.h>
#include <backobs/layer.h>
#include <backobs/random.h>

#include <c10/core/Device.h>
#include <c10/core/ScalarType.h>

#include <array>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace backobs {

/// A mini-batch. `size` is N; loss and extensions use it, never a tensor's shape.
struct Batch {
  TensorList inputs;   ///< one [N, *in] per network input
  TensorList targets;  ///< what the loss compares with
  Tensor indices;      ///< [N] int64, positions in the official order of the set
  int64_t size = 0;
};

/// The four sets of DeepOBS. train_eval estimates the training loss without training.
enum class Phase { train, train_eval, valid, test };
BACKOBS_API const char* to_string(Phase phase);

/// deepobs: as DeepOBS does it, which published numbers depend on: the last incomplete batch is dropped in all four
///   sets, train_eval is drawn anew from the whole official training set, with the training transform.
/// strict: evaluation sets are complete; train_eval lies inside the training indices and is not augmented.
enum class Protocol { deepobs, strict };

/// Real files, or seeded class-separable noise of the same shapes that runs anywhere.
enum class Source { real, synthetic };

/// What the user asked for, as a problem's data source needs it.
struct DataRequest {
  Source source = Source::real;
  Protocol protocol = Protocol::deepobs;
  std::filesystem::path folder;  ///< data root; empty: the search order of `backobs data list`
  uint64_t seed = 42;            ///< decides split, orders and augmentation
  c10::ScalarType dtype = c10::kFloat;
  c10::Device device = c10::kCPU;
};

/// Where batches come from. Stateless: every order and every augmentation follows from the Random passed in.
class BACKOBS_API DataSource {
 public:
  virtual ~DataSource();
  /// Positions in the official order of the set, [0, M): one pass through `phase`, in the order of the samples. The epoch
  /// of `random` decides shuffles. Core cuts it into batches.
  virtual std::vector<int64_t> order(Phase phase, const Random& random) const = 0;
  /// The samples at `indices` (some of `order`, one at least), transformed as `phase` wants, floating-point tensors in the
  /// requested dtype, all on the requested device. Asked for while training goes on, one batch at a time, in any order;
  /// throw DataError for files that turn out to be broken.
  virtual Batch batch(Phase phase, const std::vector<int64_t>& indices, const Random& random) const = 0;
  /// Whether an incomplete last batch is dropped in this phase.
  virtual bool drops_incomplete(Phase phase) const = 0;
};

/// Labelled images as they are stored: bytes, in official order.
struct ImageSet {
  std::string name;
  Tensor train_images, test_images;  ///< uint8 [M, C, H, W]
  Tensor train_labels, test_labels;  ///< int64 [M]
  int64_t classes = 0;
};

/// How images of a training set vary from one look to the next, in this order; the default is not at all. Every image
/// draws its own numbers, from the Random handed to the batch and its index: a repeated step repeats them, and how a
/// step is cut into batches does not matter.
struct Augmentation {
  int64_t padding = 0;  ///< black pixels put on every side; then a part of the old size is cut out anywhere
  bool flip = false;    ///< left and right change places in one image of two
  /// Colour jitter (three channels only), the three in a random order per image, each rounded down to bytes as Pillow
  /// does: out = clip(d + f (image - d), 0, 255) with f uniform in [1 - x, 1 + x]. d is black for brightness, the image's
  /// rounded mean luma for contrast, the pixel's luma for saturation; luma = 0.299 R + 0.587 G + 0.114 B. 0: left out.
  double brightness = 0, contrast = 0, saturation = 0;

  /// Whether it leaves every image as it is.
  bool is_none() const { return padding == 0 && !flip && brightness == 0 && contrast == 0 && saturation == 0; }
};

/// What becomes of an image: augmentation of its bytes, then byte / 255, then (x - mean) / std per channel if given.
/// Protocol deepobs augments train and train_eval, strict train alone; valid and test are never augmented.
struct ImageTransform {
  std::vector<double> mean, std;
  Augmentation augmentation{};
};

/// DeepOBS's sets over one ImageSet: `held_out` training images become the validation set (Python's
/// random.shuffle under the seed), as many are drawn for train_eval. Inputs [N, C, H, W] in [0, 1] before mean and std,
/// targets [N] of labels. Of synthetic images a tenth of `held_out`, as load_images draws a tenth of a set. Throws ComputeError unless 0 < held_out < images, and mean and std have one value per channel.
BACKOBS_API std::shared_ptr<DataSource> image_source(ImageSet images, const DataRequest& request, int64_t held_out,
                                                     const ImageTransform& transform = {});
/// The named set ("cifar10", "cifar100", "fmnist", "mnist", "svhn") from its files, or synthetic of the same shape, as
/// `request.source` says.
/// Throws DataError with the command that fetches it if files are missing or not what they claim to be.
BACKOBS_API ImageSet load_images(const std::string& name, const DataRequest& request);
/// What DeepOBS does to the images of that set. MNIST and Fashion-MNIST are only divided by 255. The colour sets are
/// normalised, and if `augmented` padded by 2, jittered (63/255, 0.8, 0.5) and, CIFAR only, flipped.
BACKOBS_API ImageTransform deepobs_transform(const std::string& name, bool augmented = true);
/// The named set as DeepOBS uses it: load_images with its split (10,000 images held out, of SVHN 26,032) and transform.
BACKOBS_API std::shared_ptr<DataSource> deepobs_images(const std::string& name, const DataRequest& request,
                                                       bool augmented = true);

/// Fixed tensors: inputs and targets per phase, [M, *in] and [M, *target]; train and train_eval are shuffled. Values stay
/// as they are, floating-point ones in the requested dtype; labels stay integers. Throws ComputeError for a phase without
/// samples, or with another number of targets than of inputs.
struct TensorSet {
  std::array<Tensor, 3> inputs;   ///< train, valid, test
  std::array<Tensor, 3> targets;
};
BACKOBS_API std::shared_ptr<DataSource> tensor_source(TensorSet tensors, const DataRequest& request);

}  // namespace backobs
