#include "tools/figures/trends/toy_pictures.h"

#include <set>

#include "experiments/run/file.h"
#include "experiments/run/file_testing.h"
#include "gtest/gtest.h"

namespace polarize {
namespace {

TEST(ToyPicturesTest, ListsEachPictureOfThePaperOnce) {
  std::set<std::string> names;
  for (const ToyPicture& picture : ToyPictures()) names.insert(picture.name);
  EXPECT_EQ(names, (std::set<std::string>{
                       "condition_numbers", "condition_numbers_small", "kl",
                       "log_loss_comparison", "massive_activations_2",
                       "softmax_and_u_evolution_icml_2col",
                       "square_loss_comparison"}));
  EXPECT_EQ(ToyPictures().size(), 7u);
}

TEST(ToyPicturesTest, FindsThePictureOfARun) {
  const TestFolder folder;
  const std::string& root = folder.path();
  const ToyPicture picture = {"name", "config", ""};
  EXPECT_EQ(ToyPictureFile(root, picture), "");
  ASSERT_TRUE(MakeFolders(root + "/config/figures").ok());
  ASSERT_TRUE(WriteFileWhole(root + "/config/name.pdf", "x").ok());
  EXPECT_EQ(ToyPictureFile(root, picture), root + "/config/name.pdf");
  ASSERT_TRUE(WriteFileWhole(root + "/config/figures/name.svg", "x").ok());
  EXPECT_EQ(ToyPictureFile(root, picture), root + "/config/figures/name.svg");
}

}  // namespace
}  // namespace polarize
