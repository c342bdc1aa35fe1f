// SPDX-License-Identifier: MIT
#include "data/data_sets.h"

namespace backobs {

DataSet svhn() {
  DataSet set;
  set.name = "svhn";
  set.title = "SVHN, cropped digits";
  set.classes = 10;
  set.train_images = 73257;
  set.test_images = 26032;
  set.image_shape = {3, 32, 32};
  set.held_out = 26032;
  set.mean = {0.4376821, 0.4437697, 0.47280442};
  set.std = {0.19803012, 0.20101562, 0.19703614};
  set.layouts = {{FileFormat::svhn_mat,
                  {{"train_32x32.mat", 182040794, "e26dedcc434d2e4c54c9b2d4a06d8373"},
                   {"test_32x32.mat", 64275384, "eb5a983be6a315427106f1b164d9cef3"}},
                  "",
                  {}}};
  set.licence = "for non-commercial use only; the authors ask to cite Y. Netzer et al., Reading Digits in Natural "
                "Images with Unsupervised Feature Learning, 2011";
  set.folders = {"svhn", "SVHN"};
  set.addresses = {"http://ufldl.stanford.edu/housenumbers/"};
  return set;
}

}  // namespace backobs
