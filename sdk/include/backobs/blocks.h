// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/export.h>
#include <backobs/network.h>
#include <backobs/random.h>

#include <string>

/// Architectures that several of DeepOBS's problems share, with names, shapes and initial values as DeepOBS has them.
/// Layers are written a -> b for a channels or features in, b out; convolutions "valid" or "same" as image_layers.h
/// says. "Xavier" draws from the fans as torch counts them (initialise.h).
namespace backobs::blocks {

/// flatten, dense 784 -> 10; everything exactly 0. [N, 1, 28, 28] -> [N, 10].
BACKOBS_API Network logreg();
/// flatten, dense1 784 -> 1000, dense2 -> 500, dense3 -> 100, dense4 -> 10, ReLU between; weights truncated normal with
/// std 0.03, biases 0. [N, 1, 28, 28] -> [N, 10].
BACKOBS_API Network mlp(const Random& random);

/// conv1 1 -> 32 and conv2 -> 64, 5x5 same, each with ReLU and a 2x2 maximum; dense1 3136 -> 1024 with ReLU,
/// dense2 -> 10. Weights truncated normal with std 0.05, all biases 0.05. [N, 1, 28, 28] -> [N, 10].
BACKOBS_API Network net_2c2d(const Random& random);
/// conv1 3 -> 64 5x5 valid, conv2 -> 96 3x3 valid, conv3 -> 128 3x3 same, each with ReLU and a 3x3 maximum of stride 2;
/// dense1 1152 -> 512, dense2 -> 256, dense3 -> classes with ReLU between. Weights Xavier, normal in convolutions and
/// uniform in dense layers; biases 0. [N, 3, 32, 32] -> [N, classes].
BACKOBS_API Network net_3c3d(int64_t classes, const Random& random);

/// VGG of depth 16 or 19 (Simonyan and Zisserman, ICLR 2015, configurations D and E) behind a bilinear enlargement to
/// `size` x `size`, 224 in DeepOBS: five blocks of 3x3 same convolutions with ReLU, "conv11" to "conv53" or "conv54",
/// each block closed by a 2x2 maximum; dense1 -> 4096, dense2 -> 4096, dense3 -> classes with ReLU and dropout 0.5
/// between. Initial values as in net_3c3d. [N, 3, 32, 32] -> [N, classes].
/// Throws ComputeError for another depth.
BACKOBS_API Network vgg(int64_t depth, int64_t classes, const Random& random, int64_t size = 224);

/// All-CNN-C (Springenberg et al., ICLR 2015 workshop) with 100 classes: nine convolutions with ReLU, conv3 and conv6
/// of stride 2, conv7 valid, conv8 and conv9 1x1; the mean over the last map. Dropout 0.2 on the input and 0.5 behind
/// conv3 and conv6. Weights Xavier normal, biases 0.1. [N, 3, 32, 32] -> [N, 100].
BACKOBS_API Network allcnnc(const Random& random);

/// Wide residual network (Zagoruyko and Komodakis, BMVC 2016) of 6 blocks_per_group + 4 layers: conv1 3 -> 16, three
/// groups of residual blocks with 16, 32, 64 times `widening` channels, the second and third halving the image, a last
/// normalisation, the mean over the 8x8 map, dense. Block b of group g is "res_unit<g><b>". Weights Xavier uniform, the
/// bias of dense 0, no bias in convolutions. [N, 3, 32, 32] -> [N, classes].
BACKOBS_API Network wide_resnet(int64_t blocks_per_group, int64_t widening, int64_t classes, const Random& random);

/// Variational autoencoder (Kingma and Welling, ICLR 2014) with a code of 8 numbers, for images in [0, 1].
/// Encoder: conv1 1 -> 64 and conv2 64 -> 64 of stride 2, conv3 64 -> 64, all 4x4 same, each with leaky ReLU (slope
/// 0.3) and dropout 0.2; mean dense1 3136 -> 8, log_std 1/2 dense2 3136 -> 8; sample mean + e exp(log_std), drawn in
/// evaluation too. Decoder: dense3 8 -> 24 and dense4 -> 49 with leaky ReLU; deconv1 1 -> 64 of stride 2, deconv2 and
/// deconv3 64 -> 64, 4x4, each with ReLU and dropout 0.2; dense5 12544 -> 784, sigmoid. Weights Xavier uniform,
/// biases 0. Outputs (image [N, 1, 28, 28], mean [N, 8], log_std [N, 8]), as variational_autoencoder() takes them.
BACKOBS_API Network vae(const Random& random);

/// Whether a penalty on weights covers the parameter: its own name is "weight".
BACKOBS_API bool is_weight(const std::string& parameter);
/// The same without scales of normalisation layers: weights of layers called conv… and dense….
BACKOBS_API bool is_conv_or_dense_weight(const std::string& parameter);

}  // namespace backobs::blocks
